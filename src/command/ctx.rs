//! What a command function is given and what it asks for. To be filled in by the execution layer.

/// The owner's side.
pub struct Ctx<'a>(std::marker::PhantomData<&'a ()>);

/// The home side.
pub struct HomeCtx<'a>(std::marker::PhantomData<&'a ()>);

/// What is to happen next.
pub enum Flow {
    /// Nothing: the reply is complete.
    Done,
}
