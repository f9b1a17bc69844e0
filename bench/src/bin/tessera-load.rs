//! `tessera-load`: drives one server. See `tessera_bench::load`.

use std::process::ExitCode;
use tessera_bench::load::{self, Options};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let Some(options) = Options::parse(lexopt::Parser::from_env())? else {
        print!("{}", load::USAGE);
        return Ok(());
    };
    let report = load::run(&options)?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.text());
    }
    Ok(())
}
