//! Splits an RDB file into keys, a window at a time.
//!
//! ```text
//! file  ....[ window ].......       next(window) -> a key and how many bytes it takes, or: more bytes are needed
//! ```
//!
//! Pure: whoever has the file slides the window. Nothing is allocated but what the lengths in the window vouch for, and
//! every error names the offset in the file.

use super::skip::{Cursor, Miss};
use super::{
    AUX, CRC_BYTES, EOF, EXPIRE_MS, EXPIRE_SECONDS, FREQUENCY, FUNCTION, IDLE, RESIZE_DB, RdbError,
    SELECT_DB, SLOT_INFO, Usage, version_of,
};
use crate::base::{Millis, crc64};
use crate::persist::object::{VALKEY_VERSION, kind};
use crate::persist::stream::ACTIVE;
use crate::persist::string_payload::Reader;

/// Functions of a version before the release, which nobody reads.
const FUNCTION_EARLY: u8 = 246;
/// Data of modules that belong to no key.
const MODULE_AUX: u8 = 247;
/// Redis: data of modules about the key that follows. Valkey: slots on their way.
const KEY_META: u8 = 243;

/// Magic and version, the longest there are.
const MAGIC_BYTES: usize = 9;

/// A key as it stands in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawKey<'a> {
    /// Its database.
    pub db: u64,
    /// When it goes.
    pub expire: Option<Millis>,
    /// Whether it was used lately.
    pub usage: Usage,
    /// When the consumers of a stream were active, as the file says it before the key; mostly empty.
    pub active: Vec<u8>,
    /// Type number of the value.
    pub kind: u8,
    /// Its name.
    pub key: Vec<u8>,
    /// The value, to be read by [`crate::persist::read_value`].
    pub value: &'a [u8],
    /// Where its type stands.
    pub offset: u64,
}

/// What stands at the front of the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found<'a> {
    /// Magic and version.
    Header,
    /// A fact about the writer: name and value.
    Fact(Vec<u8>, Vec<u8>),
    /// Code of a function library.
    Function(Vec<u8>),
    /// A database begins, with so many keys: a hint.
    Db(u64),
    /// A key.
    Key(RawKey<'a>),
    /// Data of this module that belong to no key.
    ModuleAux(String),
    /// A key whose value only this module can read.
    ModuleKey(RawKey<'a>, String),
    /// Something that says nothing to us.
    Nothing,
    /// The end. The checksum is right, if there is one; false if there is none.
    End(bool),
}

/// A step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scan<'a> {
    /// This stands at the front, and takes so many bytes.
    Found(Found<'a>, usize),
    /// The window has to have at least so many bytes.
    More(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Header,
    Body,
    Trailer,
    End,
}

/// See the module.
#[derive(Debug)]
pub struct Scanner {
    place: Place,
    version: u16,
    checks: bool,
    passes_modules: bool,
    offset: u64,
    crc: u64,
    db: u64,
    expire: Option<Millis>,
    usage: Usage,
    active: Vec<u8>,
}

impl Scanner {
    /// Before the first byte. `checks` says whether the checksum at the end has to be right.
    pub fn new(checks: bool) -> Scanner {
        Scanner {
            place: Place::Header,
            version: 0,
            checks,
            passes_modules: false,
            offset: 0,
            crc: 0,
            db: 0,
            expire: None,
            usage: Usage::Unknown,
            active: Vec::new(),
        }
    }

    /// Passes over the values of modules, which say where they end, instead of refusing them.
    #[must_use]
    pub fn passing_modules(mut self) -> Scanner {
        self.passes_modules = true;
        self
    }

    /// Bytes passed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The version of the file, once its header was found.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Whether the end was found.
    pub fn is_done(&self) -> bool {
        self.place == Place::End
    }

    /// The error of a file that ends here.
    pub fn short(&self) -> RdbError {
        RdbError::at(self.offset, "Short read: the file ends too early")
    }

    /// Looks at the front of `window`, which begins where what was found before ended.
    pub fn next<'a>(&mut self, window: &'a [u8]) -> Result<Scan<'a>, RdbError> {
        let scanned = match self.place {
            Place::Header => self.header(window),
            Place::Body => self.item(window),
            Place::Trailer => self.trailer(window),
            Place::End => Ok(Ok((Found::End(true), 0))),
        };
        match scanned {
            Ok(Ok((found, used))) => {
                if self.checks {
                    self.crc = crc64(self.crc, &window[..used]);
                }
                self.offset += used as u64;
                Ok(Scan::Found(found, used))
            }
            Ok(Err(refused)) => Err(refused),
            Err(Miss::More(bytes)) => Ok(Scan::More(bytes)),
            Err(Miss::Wrong(reason)) => Err(RdbError::at(self.offset, reason)),
        }
    }

    fn header<'a>(&mut self, window: &'a [u8]) -> Scanned<'a> {
        if window.len() < MAGIC_BYTES {
            return Err(Miss::More(MAGIC_BYTES as u64));
        }
        match version_of(window) {
            Ok(version) => {
                self.version = version;
                self.place = Place::Body;
                Ok(Ok((Found::Header, MAGIC_BYTES)))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn item<'a>(&mut self, window: &'a [u8]) -> Scanned<'a> {
        let mut cursor = Cursor::new(window);
        let first = cursor.byte()?;
        let found = match first {
            EOF => {
                self.place = match self.version {
                    5.. => Place::Trailer,
                    _ => Place::End,
                };
                match self.place {
                    Place::End => Found::End(false),
                    _ => Found::Nothing,
                }
            }
            SELECT_DB => {
                self.db = cursor.len()?;
                Found::Db(self.db)
            }
            RESIZE_DB => {
                cursor.len()?;
                cursor.len()?;
                Found::Nothing
            }
            AUX => {
                cursor.string()?;
                let end = cursor.position();
                cursor.string()?;
                let (name, value) = (text(&window[1..end]), text(&window[end..cursor.position()]));
                let (name, value) = (name?, value?);
                if name == ACTIVE {
                    self.active = value;
                    return Ok(Ok((Found::Nothing, cursor.position())));
                }
                Found::Fact(name, value)
            }
            FUNCTION => {
                cursor.string()?;
                Found::Function(text(&window[1..cursor.position()])?)
            }
            FUNCTION_EARLY => {
                return Err(Miss::Wrong("Pre-release function format not supported."));
            }
            SLOT_INFO if self.version >= 12 => {
                for _ in 0..3 {
                    cursor.len()?;
                }
                Found::Nothing
            }
            KEY_META if self.version >= VALKEY_VERSION => {
                cursor.string()?;
                for _ in 0..cursor.len()? {
                    cursor.len()?;
                    cursor.len()?;
                }
                Found::Nothing
            }
            MODULE_AUX => {
                let module = module_name(cursor.len()?);
                cursor.module_value()?;
                Found::ModuleAux(module)
            }
            KEY_META if self.version >= 13 => {
                let reason =
                    "The RDB file contains module metadata of keys, which is not known here";
                return Ok(Err(RdbError::at(self.offset, reason)));
            }
            EXPIRE_SECONDS => {
                let seconds = i32::from_le_bytes(cursor.array()?);
                self.expire = Some(Millis(i64::from(seconds) * 1000));
                Found::Nothing
            }
            EXPIRE_MS => {
                self.expire = Some(Millis(i64::from_le_bytes(cursor.array()?)));
                Found::Nothing
            }
            FREQUENCY => {
                self.usage = Usage::Frequency(cursor.byte()?);
                Found::Nothing
            }
            IDLE => {
                self.usage = Usage::IdleSecs(cursor.len()?);
                Found::Nothing
            }
            kind => match self.key(kind, cursor, window)? {
                Ok((mut found, used)) => {
                    self.expire = None;
                    self.usage = Usage::Unknown;
                    let active = std::mem::take(&mut self.active);
                    // Others say it themselves, or are no streams.
                    if let Found::Key(key) = &mut found
                        && kind == kind::STREAM_2
                    {
                        key.active = active;
                    }
                    return Ok(Ok((found, used)));
                }
                Err(refused) => return Ok(Err(refused)),
            },
        };
        // It belongs to the record that follows, or to none.
        if !matches!(first, EXPIRE_SECONDS | EXPIRE_MS | FREQUENCY | IDLE) {
            self.active = Vec::new();
        }
        Ok(Ok((found, cursor.position())))
    }

    fn key<'a>(&self, kind: u8, mut cursor: Cursor<'a>, window: &'a [u8]) -> Scanned<'a> {
        if kind > kind::MAX {
            return Ok(Err(RdbError::at(
                self.offset,
                format!("Unknown type or opcode {kind}"),
            )));
        }
        cursor.string()?;
        let end = cursor.position();
        let key = text(&window[1..end])?;
        let shown = || String::from_utf8_lossy(&key);
        let mut by_module = None;
        match kind {
            kind::MODULE if self.passes_modules => {
                by_module = Some(module_name(cursor.len()?));
                cursor.module_value()?;
            }
            kind::MODULE_EARLY | kind::MODULE => {
                let module = match kind {
                    kind::MODULE => module_name(cursor.len()?),
                    _ => "of a version before the release".into(),
                };
                let reason = format!(
                    "The RDB file contains module data I can't load: no matching module type '{module}' (key '{}', type {kind})",
                    shown()
                );
                return Ok(Err(RdbError::at(self.offset, reason)));
            }
            kind if kind::is_known(kind) => cursor.value(kind, self.version)?,
            kind => {
                let reason = format!("Unknown type {kind} of key '{}'", shown());
                return Ok(Err(RdbError::at(self.offset, reason)));
            }
        }
        let used = cursor.position();
        let key = RawKey {
            db: self.db,
            expire: self.expire,
            usage: self.usage,
            active: Vec::new(),
            kind,
            key,
            value: &window[end..used],
            offset: self.offset,
        };
        let found = match by_module {
            Some(module) => Found::ModuleKey(key, module),
            None => Found::Key(key),
        };
        Ok(Ok((found, used)))
    }

    fn trailer<'a>(&mut self, window: &'a [u8]) -> Scanned<'a> {
        let mut cursor = Cursor::new(window);
        let stored = u64::from_le_bytes(cursor.array::<CRC_BYTES>()?);
        let found = self.crc;
        if self.checks && stored != 0 && stored != found {
            let reason = format!(
                "RDB CRC error: Wrong RDB checksum expected: ({found:x}) but got ({stored:x}). Aborting now."
            );
            return Ok(Err(RdbError::at(self.offset, reason)));
        }
        self.place = Place::End;
        Ok(Ok((Found::End(stored != 0), CRC_BYTES)))
    }
}

/// A thing found and its bytes; or an error that says more than a [`Miss`] can.
type Scanned<'a> = Result<Result<(Found<'a>, usize), RdbError>, Miss>;

/// A string whose end is known.
fn text(bytes: &[u8]) -> Result<Vec<u8>, Miss> {
    match Reader::new(bytes).string() {
        Ok(text) => Ok(text.into_vec()),
        Err(_) => Err(Miss::Wrong("Invalid LZF compressed string")),
    }
}

/// The nine letters that a module's number stands for.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let places = (0..9).map(|place| 58 - place * 6);
    let letters = places.map(|shift| LETTERS[(id >> shift) as usize & 0x3f]);
    letters.map(char::from).collect()
}
