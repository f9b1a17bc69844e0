//! Libraries of functions, as all shards see them.

use super::analysis;
use super::shebang::{self, Flags, echo};
use crate::resp::CommandError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(super) const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// What a library and a function may be called.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// A function of a library.
#[derive(Debug)]
pub struct Function {
    /// Its name, unique over all libraries.
    pub name: Vec<u8>,
    /// What it says of itself.
    pub description: Option<Vec<u8>>,
    /// What it may do.
    pub flags: Flags,
    /// It was seen to write, or to touch keys that it did not declare.
    pub reaches: AtomicBool,
}

impl Function {
    pub(super) fn new(name: Vec<u8>, description: Option<Vec<u8>>, flags: Flags) -> Function {
        Function {
            name,
            description,
            flags,
            reaches: AtomicBool::new(false),
        }
    }
}

/// A library: its text, and what functions it registers.
#[derive(Debug)]
pub struct LibrarySource {
    /// Its name.
    pub name: Vec<u8>,
    /// Its text with the first line.
    pub code: Box<[u8]>,
    /// Where its Lua code begins.
    body: usize,
    /// Its functions, in the order of their registration.
    pub functions: Vec<Arc<Function>>,
    /// They cannot run for long, but for what their commands take.
    pub is_brief: bool,
    /// They provably touch no keys but those declared.
    pub declared_only: bool,
    /// They may publish messages, as the text looks, or were seen to.
    pub publishes: AtomicBool,
}

impl LibrarySource {
    /// Checks a library's first line.
    pub(super) fn parse(code: &[u8]) -> Result<LibrarySource, CommandError> {
        let (engine, name, body) = shebang::library(code)?;
        if !is_name(&name) {
            return Err(CommandError::owned(format!("ERR {BAD_NAME}")));
        }
        if !engine.eq_ignore_ascii_case(b"lua") {
            let text = [&b"ERR Engine '"[..], &engine, b"' not found"].concat();
            return Err(CommandError::owned(text));
        }
        Ok(LibrarySource {
            name,
            code: code.into(),
            body,
            functions: Vec::new(),
            declared_only: analysis::touches_declared_only(&code[body..]),
            is_brief: analysis::library_is_brief(&code[body..]),
            publishes: AtomicBool::new(analysis::names_publish(code)),
        })
    }

    /// Its code, the first line apart but for its end, so that lines keep their numbers.
    pub(super) fn lua(&self) -> &[u8] {
        &self.code[self.body..]
    }

    /// Bytes it costs.
    fn memory(&self) -> usize {
        let functions = self.functions.iter();
        let functions = functions.map(|f| f.name.len() * 2 + size_of::<Function>() + 64);
        self.code.len()
            + self.name.len() * 2
            + size_of::<LibrarySource>()
            + functions.sum::<usize>()
    }
}

/// A function with its library.
pub type Stored = (Arc<LibrarySource>, Arc<Function>);

/// What becomes of libraries that are there when others are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They stay, and are not among those that are restored.
    Append,
    /// They go.
    Flush,
    /// They stay, but for those of the same names.
    Replace,
}

/// All libraries.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    /// Different for each set of libraries.
    pub version: u64,
    /// The libraries by name.
    pub libraries: BTreeMap<Vec<u8>, Arc<LibrarySource>>,
    names: BTreeMap<Vec<u8>, Stored>,
}

impl Functions {
    /// Adds the libraries of a payload, if all of them can be. Two of them may not be alike in anything.
    pub fn restore(
        &mut self,
        libraries: &[Arc<LibrarySource>],
        policy: Policy,
    ) -> Result<(), CommandError> {
        let mut restored = Functions::default();
        for library in libraries {
            restored.check_absent(&library.name)?;
            restored.add(Arc::clone(library), false)?;
        }
        match policy {
            Policy::Flush => self.clear(),
            Policy::Append => {}
            // First, as functions may have moved from one to another.
            Policy::Replace => libraries.iter().for_each(|library| {
                self.remove(&library.name);
            }),
        }
        let mut libraries = libraries.iter();
        libraries.try_for_each(|library| self.add(Arc::clone(library), false))
    }

    /// Code of all libraries.
    pub fn codes(&self) -> Vec<Vec<u8>> {
        let libraries = self.libraries.values();
        libraries.map(|library| library.code.to_vec()).collect()
    }

    /// The function of this name, in any case.
    pub fn get(&self, name: &[u8]) -> Option<&Stored> {
        self.names.get(&name.to_ascii_lowercase())
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Bytes they cost.
    pub fn memory(&self) -> usize {
        self.libraries
            .values()
            .map(|library| library.memory())
            .sum()
    }

    /// Adds a library. An error changes nothing.
    pub fn add(&mut self, library: Arc<LibrarySource>, replace: bool) -> Result<(), CommandError> {
        if !replace && self.libraries.contains_key(&library.name) {
            let text = [b"ERR Library ", &library.name[..], b" already exists"].concat();
            return Err(CommandError::owned(text));
        }
        for function in &library.functions {
            if let Some((owner, _)) = self.get(&function.name)
                && owner.name != library.name
            {
                let text = [b"ERR Function ", &function.name[..], b" already exists"].concat();
                return Err(CommandError::owned(text));
            }
        }
        self.remove(&library.name);
        for function in &library.functions {
            let stored = (Arc::clone(&library), Arc::clone(function));
            self.names
                .insert(function.name.to_ascii_lowercase(), stored);
        }
        self.libraries.insert(library.name.clone(), library);
        Ok(())
    }

    /// An error if there is a library of this name.
    pub fn check_absent(&self, name: &[u8]) -> Result<(), CommandError> {
        match self.libraries.contains_key(name) {
            true => Err(echo_quoted("ERR Library '", name, "' already exists")),
            false => Ok(()),
        }
    }

    /// Removes a library; false if there is none of that name.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.libraries.remove(name);
        if let Some(library) = &removed {
            for function in &library.functions {
                self.names.remove(&function.name.to_ascii_lowercase());
            }
        }
        removed.is_some()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.libraries.clear();
        self.names.clear();
    }
}

fn echo_quoted(before: &str, word: &[u8], after: &str) -> CommandError {
    let mut text = echo(before, word).text().to_vec();
    text.extend_from_slice(after.as_bytes());
    CommandError::owned(text)
}
