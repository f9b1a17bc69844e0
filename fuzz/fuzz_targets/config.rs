//! Any bytes as a configuration file, as a command line, and as the arguments of CONFIG SET and GET.
//!
//! Nothing panics; what was accepted survives a rewrite: the new text loads, means the same, and rewriting it again
//! changes nothing.

#![no_main]

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use tessera::config::{Config, Files, SetContext, config_get, config_set, load, rewrite};

/// The input under one name, and nothing else: an include finds no file.
struct OneFile<'a>(&'a [u8]);

impl Files for OneFile<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/fuzz/t.conf") {
            Ok(self.0.to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn matching(&mut self, _: &Path, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn current_dir(&mut self) -> io::Result<PathBuf> {
        Ok("/fuzz".into())
    }
}

fuzz_target!(|input: &[u8]| {
    if let Ok(loaded) = load(&["t.conf"], &mut OneFile(input)) {
        survives_a_rewrite(input, &loaded.config);
    }
    let words: Vec<&[u8]> = input.split(|byte| *byte == 0).collect();
    let arguments: Vec<&OsStr> = words.iter().map(|word| OsStr::from_bytes(word)).collect();
    let _ = load(&arguments, &mut OneFile(b"port 1"));
    let context = SetContext {
        is_local: true,
        is_loading: false,
    };
    // A working directory is part of every loaded configuration.
    let config = Config {
        dir: "/fuzz".to_owned(),
        ..Config::default()
    };
    if let Ok(changed) = config_set(&config, &words, context) {
        survives_a_rewrite(b"# mine\nport 1\n", &changed.config);
    }
    config_get(&config, &words);
});

fn survives_a_rewrite(old: &[u8], config: &Config) {
    let text = rewrite(old, config, None);
    assert_eq!(rewrite(&text, config, None), text);
    match load(&["t.conf"], &mut OneFile(&text)) {
        Ok(again) => assert!(again.config == *config, "{:?}\n{config:?}", again.config),
        // Lines that are kept as they are may include a file that is not there, or a user may be the ACL's to judge.
        Err(error) => panic!("{error}"),
    }
}
