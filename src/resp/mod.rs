//! RESP2 and RESP3 on the wire, without I/O: requests in, replies out.
//!
//! ```text
//! received bytes --Parser--> spans --Args--> command --Reply--> Output --> send
//! ```
//!
//! A request is never copied to be parsed: the parser reports where its arguments lie in the receive buffer, and `Args`
//! reads them there. A reply is built once, in the client's protocol version, straight into the bytes to be sent;
//! values of 16 KiB and more are spliced in by reference.
//!
//! Absent on purpose: sockets and buffers (`conn`), who may send what (`session`), what commands mean (`command`).

pub mod args;
pub mod error;

pub mod parser;
pub mod reply;
pub mod scan;

pub use crate::base::output::{Output, OutputPosition};
pub use args::{Args, OwnedArgs, Span};
pub use error::CommandError;
pub use parser::{ParseLimits, Parsed, Parser, ProtocolError};
pub use reply::{Mark, Proto, Reply};
pub use scan::next_element;
