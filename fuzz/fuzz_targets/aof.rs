//! An append-only file of any bytes is read or refused alike however its window slides; so is a manifest.
//!
//! The first byte of the input seeds the steps of the window.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::base::Rng;
use tessera::persist::Window;
use tessera::persist::aof::{AofError, AofReader, Manifest, Step};

fuzz_target!(|input: &[u8]| {
    let [seed, bytes @ ..] = input else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    let step = Rng::new(u64::from(*seed)).index(20) + 1;
    assert_eq!(read(bytes, step), whole);
    // What is up to the last valid command is valid by itself.
    let valid = usize::try_from(whole.valid).expect("it is within the file");
    let again = read(&bytes[..valid], bytes.len().max(1));
    assert_eq!((again.valid, again.error), (whole.valid, None));
    if let Ok(manifest) = Manifest::parse(bytes)
        && !manifest.format().is_empty()
    {
        assert_eq!(Manifest::parse(&manifest.format()), Ok(manifest));
    }
});

#[derive(PartialEq, Debug)]
struct Seen {
    commands: Vec<Vec<Vec<u8>>>,
    valid: u64,
    error: Option<AofError>,
}

fn read(file: &[u8], step: usize) -> Seen {
    let mut reader = AofReader::new(0);
    let mut window = Window::new(file, file.len() as u64, step);
    let mut commands = Vec::new();
    let error = loop {
        match reader.next(window.bytes()) {
            Ok(Step::Command(used)) => {
                let args = reader.args().iter();
                commands.push(args.map(|at| window.bytes()[at.clone()].to_vec()).collect());
                window.consume(used);
            }
            Ok(Step::Annotation(used, _)) => window.consume(used),
            Ok(Step::More(need)) => {
                assert!(need > window.bytes().len() as u64, "no progress");
                if !window.extend(need).expect("bytes can be read") {
                    break None;
                }
            }
            Err(error) => break Some(error),
        }
    };
    Seen {
        commands,
        valid: reader.valid(),
        error,
    }
}
