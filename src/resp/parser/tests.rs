use super::*;
use crate::base::Rng;

/// What a client's bytes amount to.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Event {
    Command(Vec<Vec<u8>>),
    Skip,
    Attack,
    Error(ProtocolError),
    /// The rest is an incomplete request of this many bytes.
    Rest(usize),
}

/// Feeds `bytes` in pieces of the lengths that `piece` returns, to one parser whose span vector is shared with others.
fn run(bytes: &[u8], limits: &ParseLimits, mut piece: impl FnMut() -> usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let (mut start, mut end) = (0, 0);
    // Until so many bytes are there, the parser said, it cannot get any further.
    let mut enough = 0;
    loop {
        let buf = &bytes[start..end];
        let parsed = parser.parse(buf, limits, &mut spans);
        assert!(
            end >= enough || matches!(parsed, Parsed::NeedMore { .. }),
            "the hint was too big"
        );
        match parsed {
            Parsed::NeedMore { hint } => {
                assert!(hint > 0);
                enough = end + hint;
                // Another connection's parser uses the same vector in between.
                spans.push(Span { start: 77, len: 77 });
                if end == bytes.len() {
                    events.push(Event::Rest(buf.len()));
                    return events;
                }
                end = (end + piece().max(1)).min(bytes.len());
            }
            Parsed::Command { consumed } => {
                let args = parser.inline_args().unwrap_or(Args::new(buf, &spans));
                assert!(!args.is_empty());
                assert!(args.as_sent().is_none_or(|sent| sent == written(args)));
                events.push(Event::Command(args.iter().map(<[u8]>::to_vec).collect()));
                assert!(!parser.is_mid_request());
                start += consumed;
                enough = 0;
            }
            Parsed::Skip { consumed } => {
                events.push(Event::Skip);
                start += consumed;
                enough = 0;
            }
            Parsed::Attack => {
                events.push(Event::Attack);
                return events;
            }
            Parsed::Error(error) => {
                events.push(Event::Error(error));
                return events;
            }
        }
    }
}

/// The arguments as bulk strings.
fn written(args: Args<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for arg in args.iter() {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Whether a request's arguments can be taken over as they were sent.
fn is_as_sent(bytes: &[u8]) -> bool {
    let (mut parser, mut spans) = (Parser::new(), Vec::new());
    let parsed = parser.parse(bytes, &ParseLimits::default(), &mut spans);
    assert!(matches!(parsed, Parsed::Command { .. }));
    let args = parser.inline_args().unwrap_or(Args::new(bytes, &spans));
    let sent = args.as_sent();
    assert!(sent.is_none_or(|sent| sent == written(args)));
    sent.is_some()
}

#[test]
fn requests_are_taken_over_as_they_were_sent_if_that_is_how_they_are_written() {
    assert!(is_as_sent(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    assert!(is_as_sent(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1"));
    assert!(!is_as_sent(b"GET k\r\n"));
    assert!(!is_as_sent(b"\"$1\\r\\nk\\r\\n\" k\r\n"));
    for length in 0..1100 {
        let value = vec![b'x'; length];
        let mut request = b"*2\r\n$4\r\nECHO\r\n".to_vec();
        request.extend_from_slice(format!("${length}\r\n").as_bytes());
        request.extend_from_slice(&value);
        request.extend_from_slice(b"\r\n");
        assert_eq!(is_as_sent(&request), length < 1000, "{length}");
    }
}

fn run_whole(bytes: &[u8], limits: &ParseLimits) -> Vec<Event> {
    run(bytes, limits, || bytes.len())
}

/// In one piece, byte by byte, and in random pieces: always the same.
fn run_all_ways(bytes: &[u8], limits: &ParseLimits, rng: &mut Rng) -> Vec<Event> {
    let whole = run_whole(bytes, limits);
    assert_eq!(
        run(bytes, limits, || 1),
        whole,
        "byte by byte: {}",
        bytes.escape_ascii()
    );
    for piece_max in [3, 16, 200] {
        let pieces = run(bytes, limits, || rng.index(piece_max) + 1);
        assert_eq!(
            pieces,
            whole,
            "pieces up to {piece_max}: {}",
            bytes.escape_ascii()
        );
    }
    whole
}

const OPEN: ParseLimits = ParseLimits {
    bulk_bytes_max: 1 << 20,
    authenticated: true,
};
const CLOSED: ParseLimits = ParseLimits {
    bulk_bytes_max: 1 << 20,
    authenticated: false,
};

fn command(args: &[&str]) -> Event {
    Event::Command(args.iter().map(|arg| arg.as_bytes().to_vec()).collect())
}

fn check(bytes: &str, mut expected: Vec<Event>) {
    if !matches!(
        expected.last(),
        Some(Event::Attack | Event::Error(_) | Event::Rest(_))
    ) {
        expected.push(Event::Rest(0));
    }
    let found = run_all_ways(bytes.as_bytes(), &OPEN, &mut Rng::new(1));
    assert_eq!(found, expected, "{bytes:?}");
}

fn check_error(bytes: &[u8], limits: &ParseLimits, text: &str) {
    let events = run_all_ways(bytes, limits, &mut Rng::new(2));
    let [Event::Error(error)] = events[..] else {
        panic!("{}: {events:?}", bytes.escape_ascii())
    };
    assert_eq!(
        error.command_error().to_string(),
        format!("ERR Protocol error: {text}")
    );
}

#[test]
fn arrays_of_bulk_strings() {
    check("*1\r\n$4\r\nPING\r\n", vec![command(&["PING"])]);
    check(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
        vec![command(&["SET", "k", ""])],
    );
    check(
        "*2\r\n$4\r\n\r\n\r\n\r\n$12\r\nhello\r\nworld\r\n",
        vec![command(&["\r\n\r\n", "hello\r\nworld"])],
    );
    check(
        "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n",
        vec![command(&["PING"]), command(&["QUIT"])],
    );
    // The line feed of a header and the bytes after a body are not looked at.
    check("*1\rx$4\rxPINGxx", vec![command(&["PING"])]);
    check("*2\r\n$4\r\nPI", vec![Event::Rest(10)]);
}

#[test]
fn lengths_of_every_number_of_digits() {
    for len in [
        0, 1, 9, 10, 11, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000,
    ] {
        let value = "v".repeat(len);
        let bytes = format!("*2\r\n$3\r\nGET\r\n${len}\r\n{value}\r\n");
        assert_eq!(
            run(bytes.as_bytes(), &OPEN, || 997),
            [command(&["GET", &value]), Event::Rest(0)]
        );
        let bytes = format!("*{}\r\n{}", len + 1, "$1\r\nx\r\n".repeat(len + 1));
        let events = run(bytes.as_bytes(), &OPEN, || 997);
        assert_eq!(events, [command(&vec!["x"; len + 1]), Event::Rest(0)]);
    }
}

#[test]
fn empty_requests_are_skipped() {
    check(
        "*0\r\n*-1\r\n*-2147483648\r\n*1\r\n$1\r\na\r\n",
        vec![Event::Skip, Event::Skip, Event::Skip, command(&["a"])],
    );
    check("\r\n\n   \r\n", vec![Event::Skip, Event::Skip, Event::Skip]);
}

#[test]
fn inline_requests_are_split_like_a_shell_does() {
    check("PING\r\n", vec![command(&["PING"])]);
    check("PING\n", vec![command(&["PING"])]);
    check(
        "  SET\tk   v \r\nGET k\n",
        vec![command(&["SET", "k", "v"]), command(&["GET", "k"])],
    );
    // No line ends behind a byte 0.
    check(
        "GET k\nGET \0\nGET k\n",
        vec![command(&["GET", "k"]), Event::Rest(12)],
    );
    check("\x0bSET\x0ck v\r\n", vec![command(&["SET\x0ck", "v"])]);
    check("SET k \"a b\"\r\n", vec![command(&["SET", "k", "a b"])]);
    check("SET \"\" ''\r\n", vec![command(&["SET", "", ""])]);
    check(
        "X \"\\n\\r\\t\\b\\a\\x41\\x4A\\xfg\\\"\\\\\\q\" '\\'\\n\"' pre\"fix\" it's'\n",
        vec![command(&[
            "X",
            "\n\r\t\x08\x07AJxfg\"\\q",
            "'\\n\"",
            "prefix",
            "its",
        ])],
    );
    check(
        "GET \"k\"\r\n*1\r\n$4\r\nPING\r\nGET k\r\n",
        vec![
            command(&["GET", "k"]),
            command(&["PING"]),
            command(&["GET", "k"]),
        ],
    );
}

#[test]
fn browsers_are_recognised() {
    check("POST / HTTP/1.1\r\nHost: x\r\n", vec![Event::Attack]);
    check(
        "GET / HTTP/1.1\r\nhost: x\r\n",
        vec![command(&["GET", "/", "HTTP/1.1"]), Event::Attack],
    );
    check("\"POST\" x\r\n", vec![Event::Attack]);
    check("POSTS x\r\n", vec![command(&["POSTS", "x"])]);
}

#[test]
fn protocol_errors_have_the_known_texts() {
    for count in [
        "",
        "abc",
        "1a",
        "01",
        "+1",
        "-0",
        " 1",
        "2147483648",
        "99999999999999999999",
    ] {
        check_error(
            format!("*{count}\r\n").as_bytes(),
            &OPEN,
            "invalid multibulk length",
        );
    }
    for len in [
        "",
        "abc",
        "-1",
        "01",
        "00",
        "1048577",
        "9999999999",
        "99999999999999999999",
    ] {
        check_error(
            format!("*1\r\n${len}\r\n").as_bytes(),
            &OPEN,
            "invalid bulk length",
        );
    }
    check_error(b"*1\r\n4\r\n", &OPEN, "expected '$', got '4'");
    check_error(b"*1\r\n\r\n", &OPEN, "expected '$', got ' '");
    check_error(b"*1\r\n:1\r\n", &OPEN, "expected '$', got ':'");
    for line in [
        "GET \"a",
        "GET 'a",
        "GET \"a\"b",
        "GET 'a'b",
        "\"a\\\"",
        "x\"\\",
        "'a\\'",
    ] {
        check_error(
            format!("{line}\r\n").as_bytes(),
            &OPEN,
            "unbalanced quotes in request",
        );
    }
}

#[test]
fn lines_end_within_64_kib() {
    // The line end itself may be the byte at 65536.
    let too_long = LINE_BYTES_MAX + 1;
    for (line_len, fits) in [
        (LINE_BYTES_MAX, true),
        (too_long, false),
        (too_long + 50_000, false),
    ] {
        let inline = format!("{}\n", "x".repeat(line_len));
        let count = format!("*{}\r\n", "1".repeat(line_len - 1));
        let length = format!("*1\r\n${}\r\n", "1".repeat(line_len - 1));
        let or = |fits_text, text| if fits { fits_text } else { text };
        for bytes in [count.as_str(), &length, &inline] {
            let whole = run_whole(bytes.as_bytes(), &OPEN);
            assert_eq!(run(bytes.as_bytes(), &OPEN, || 1), whole);
            assert_eq!(run(bytes.as_bytes(), &OPEN, || 1000), whole);
            let text = match &whole[0] {
                Event::Error(error) => error.command_error().to_string(),
                _ => "a command".to_owned(),
            };
            let expected = match bytes.as_bytes() {
                [b'x', ..] => or("a command", "ERR Protocol error: too big inline request"),
                [b'*', b'1', b'\r', ..] => or(
                    "ERR Protocol error: invalid bulk length",
                    "ERR Protocol error: too big bulk count string",
                ),
                _ => or(
                    "ERR Protocol error: invalid multibulk length",
                    "ERR Protocol error: too big mbulk count string",
                ),
            };
            assert_eq!(text, expected, "{line_len}");
        }
    }
    // Without any line end, the error comes as soon as the limit is passed.
    for start in ["x", "*1", "*1\r\n$"] {
        let bytes = format!("{start}{}", "1".repeat(LINE_BYTES_MAX + 10));
        assert!(
            matches!(run_whole(bytes.as_bytes(), &OPEN)[..], [Event::Error(_)]),
            "{start}"
        );
    }
}

#[test]
fn before_authentication_requests_are_small() {
    let mut rng = Rng::new(3);
    let ten = format!("*10\r\n{}", "$1\r\nx\r\n".repeat(10));
    assert_eq!(
        run_all_ways(ten.as_bytes(), &CLOSED, &mut rng)[0],
        command(&["x"; 10])
    );
    check_error(b"*11\r\n", &CLOSED, "unauthenticated multibulk length");
    check_error(b"*100000\r\n", &CLOSED, "unauthenticated multibulk length");
    check_error(b"*1\r\n$16385\r\n", &CLOSED, "unauthenticated bulk length");
    // A length that nobody may send is reported as such.
    check_error(b"*1\r\n$1048577\r\n", &CLOSED, "invalid bulk length");
    let value = "v".repeat(16384);
    let big = format!("*1\r\n$16384\r\n{value}\r\n");
    assert_eq!(run_whole(big.as_bytes(), &CLOSED)[0], command(&[&value]));
}

#[test]
fn requests_of_4_gib_are_refused_when_announced() {
    let trusted = ParseLimits {
        bulk_bytes_max: i64::MAX,
        authenticated: true,
    };
    for len in [
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "4294967280",
    ] {
        check_error(
            format!("*1\r\n${len}\r\n").as_bytes(),
            &trusted,
            "too big request",
        );
    }
    let fits = run_whole(b"*1\r\n$4294967270\r\n", &trusted);
    assert_eq!(fits, [Event::Rest(17)]);
}

#[test]
fn a_body_announces_what_is_missing() {
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let mut bytes = b"*2\r\n$3\r\nGET\r\n$100000\r\n".to_vec();
    let need = |hint| Parsed::NeedMore { hint };
    assert_eq!(parser.parse(&bytes, &OPEN, &mut spans), need(100_002));
    assert!(parser.is_mid_request());
    bytes.extend_from_slice(&[b'x'; 1000]);
    assert_eq!(parser.parse(&bytes, &OPEN, &mut spans), need(99_002));
    bytes.extend_from_slice(&[b'x'; 99_001]);
    assert_eq!(parser.parse(&bytes, &OPEN, &mut spans), need(1));
    bytes.push(b'\n');
    let consumed = bytes.len();
    assert_eq!(
        parser.parse(&bytes, &OPEN, &mut spans),
        Parsed::Command { consumed }
    );
    assert_eq!((spans.len(), spans[1].len), (2, 100_000));
    assert!(!parser.is_mid_request() && parser.memory() == 0);
}

#[test]
fn an_announced_count_reserves_nothing() {
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let parsed = parser.parse(b"*2147483647\r\n$1\r\nx\r\n", &OPEN, &mut spans);
    assert_eq!(parsed, Parsed::NeedMore { hint: 1 });
    assert!(parser.memory() + spans.capacity() * size_of::<Span>() < 4096);
}

#[test]
fn a_long_request_in_single_bytes_is_linear() {
    // Were the work quadratic, this would not end: 400 thousand calls, up to 50 thousand spans.
    let args = 50_000;
    let bytes = format!("*{args}\r\n{}", "$2\r\nab\r\n".repeat(args));
    let events = run(bytes.as_bytes(), &OPEN, || 1);
    assert_eq!(events, [command(&vec!["ab"; args]), Event::Rest(0)]);
}

#[test]
fn random_requests_come_back_in_any_pieces() {
    let mut rng = Rng::new(4);
    for _ in 0..300 {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..rng.index(6) {
            let long = rng.chance(1, 20);
            let args: Vec<Vec<u8>> = (0..rng.index(if long { 200 } else { 5 }) + 1)
                .map(|_| {
                    let long = rng.chance(1, 30);
                    let mut arg = vec![0; rng.index(if long { 3000 } else { 20 })];
                    rng.fill(&mut arg);
                    arg
                })
                .collect();
            bytes.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
            for arg in &args {
                bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                bytes.extend_from_slice(arg);
                bytes.extend_from_slice(b"\r\n");
            }
            expected.push(Event::Command(args));
        }
        expected.push(Event::Rest(0));
        assert_eq!(run_all_ways(&bytes, &OPEN, &mut rng), expected);
    }
}

#[test]
fn a_body_kept_apart_is_the_same_argument() {
    let mut rng = Rng::new(77);
    let limits = ParseLimits::default();
    let mut kept = 0;
    for _ in 0..3000 {
        let many = rng.index(20) == 0;
        let expected: Vec<Vec<u8>> = (0..1 + rng.index(if many { 300 } else { 6 }))
            .map(|_| vec![b'a' + rng.index(26) as u8; rng.index(60)])
            .collect();
        let mut sent = format!("*{}\r\n", expected.len()).into_bytes();
        for arg in &expected {
            sent.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            sent.extend_from_slice(arg);
            sent.extend_from_slice(b"\r\n");
        }
        let (mut parser, mut spans) = (Parser::new(), Vec::new());
        let (mut buf, mut body) = (Vec::new(), Vec::new());
        // How many bytes of the body and its line end are missing.
        let mut missing = None;
        let mut again = None;
        let mut left = &sent[..];
        let consumed = loop {
            if missing.is_none_or(|missing| missing == 0) {
                match parser.parse(&buf, &limits, &mut spans) {
                    Parsed::Command { consumed } => break consumed,
                    Parsed::NeedMore { .. } => {}
                    other => panic!("{other:?}"),
                }
                if let Some((begin, len)) = parser.awaited_body()
                    && missing.is_none()
                    && len > 30
                {
                    parser.keep_body_apart();
                    body = buf.split_off(begin);
                    missing = Some(len + 2 - body.len());
                    again = Some(parser.clone());
                    kept += 1;
                }
            }
            let (piece, rest) = left.split_at(left.len().min(1 + rng.index(40)));
            left = rest;
            let to_body = piece.len().min(missing.unwrap_or(0));
            body.extend_from_slice(&piece[..to_body]);
            missing = missing.map(|missing| missing - to_body);
            buf.extend_from_slice(&piece[to_body..]);
        };
        assert_eq!(consumed, buf.len());
        body.truncate(body.len().saturating_sub(2));
        let apart = std::sync::Arc::new(body);
        let args = Args::with_apart(&buf, &spans, Some(&apart));
        assert!(args.iter().eq(expected.iter().map(Vec::as_slice)));
        // Parsed once more from the start, as after a command that could not run yet.
        if let Some(mut parser) = again {
            let parsed = parser.parse(&buf, &limits, &mut spans);
            assert_eq!(parsed, Parsed::Command { consumed });
            let args = Args::with_apart(&buf, &spans, Some(&apart));
            assert!(args.iter().eq(expected.iter().map(Vec::as_slice)));
        }
    }
    assert!(kept > 1000, "{kept} bodies were kept apart");
}

#[test]
fn random_bytes_mean_the_same_in_any_pieces() {
    // Tokens rather than bytes, so that many inputs get past the first header.
    let tokens: [&[u8]; 28] = [
        b"*1\r\n",
        b"*2\r\n",
        b"*3\r\n",
        b"*10\r\n",
        b"*11\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"$1\r\n",
        b"$2\r\n",
        b"$5\r\n",
        b"$12\r\n",
        b"$0\r\n",
        b"a\r\n",
        b"ab\r\n",
        b"hello\r\n",
        b"*",
        b"$",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\"",
        b"'",
        b"\\x41",
        b"\\",
        b"POST ",
        b"\0",
        b"123456",
    ];
    let mut rng = Rng::new(5);
    for round in 0..20_000 {
        let mut bytes = Vec::new();
        for _ in 0..rng.index(14) {
            bytes.extend_from_slice(tokens[rng.index(tokens.len())]);
        }
        if rng.chance(1, 3) && !bytes.is_empty() {
            let at = rng.index(bytes.len());
            bytes[at] = rng.next_u64() as u8;
        }
        run_all_ways(
            &bytes,
            if round % 2 == 0 { &OPEN } else { &CLOSED },
            &mut rng,
        );
    }
}

#[test]
fn a_count_line_in_pieces_leaves_no_trace_in_the_next_request() {
    // The first request completes on the fast path after its count line came in two pieces.
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let first = b"*1\r\n$4\r\nPING\r\n";
    assert_eq!(
        parser.parse(&first[..2], &OPEN, &mut spans),
        Parsed::NeedMore { hint: 1 }
    );
    let consumed = first.len();
    assert_eq!(
        parser.parse(first, &OPEN, &mut spans),
        Parsed::Command { consumed }
    );
    assert_eq!(
        parser.parse(b"a\n", &OPEN, &mut spans),
        Parsed::Command { consumed: 2 }
    );
    assert!(parser.is_inline());
}
