//! JSON, written.

/// Appends a text in quotes if it is UTF-8, else an object with its bytes in hex.
pub(super) fn text(out: &mut String, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        out.push_str("{\"hex\":\"");
        for byte in bytes {
            out.push_str(&format!("{byte:02x}"));
        }
        out.push_str("\"}");
        return;
    };
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends a name and what follows it, behind a comma if need be.
pub(super) fn name(out: &mut String, name: &str) {
    comma(out);
    text(out, name.as_bytes());
    out.push(':');
}

/// Appends a comma unless a bracket was just opened.
pub(super) fn comma(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_or_hex() {
        let mut out = String::new();
        text(&mut out, "a\"b\\c\n\u{1}é".as_bytes());
        text(&mut out, b"\xff\x00");
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001é\"{\"hex\":\"ff00\"}");
    }
}
