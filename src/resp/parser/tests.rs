use super::*;

/// Parses one request.
fn parse_one(bytes: &[u8], limits: &ParseLimits) -> (Parsed, Vec<Vec<u8>>) {
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let parsed = parser.parse(bytes, limits, &mut spans);
    let args = parser.inline_args().unwrap_or(Args::new(bytes, &spans));
    (parsed, args.iter().map(<[u8]>::to_vec).collect())
}

fn check(bytes: &str, expected: &[&str]) {
    let (parsed, args) = parse_one(bytes.as_bytes(), &ParseLimits::default());
    assert_eq!(
        parsed,
        Parsed::Command {
            consumed: bytes.len()
        },
        "{bytes:?}"
    );
    let args: Vec<_> = args
        .iter()
        .map(|arg| String::from_utf8_lossy(arg))
        .collect();
    assert_eq!(args, expected, "{bytes:?}");
}

#[test]
fn arrays_of_bulk_strings() {
    check("*1\r\n$4\r\nPING\r\n", &["PING"]);
    check(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
        &["SET", "k", ""],
    );
}
