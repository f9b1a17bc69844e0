//! A small blocking client, for what the harness asks a server: INFO, CLIENT INFO, SLOWLOG.

use anyhow::{Context, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nil,
    Integer(i64),
    Text(String),
    Error(String),
    Array(Vec<Value>),
}

/// One connection. Every call waits for its reply, at most ten seconds.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .with_context(|| format!("connect to 127.0.0.1:{port}"))?;
        Client::over(stream)
    }

    /// Speaks over a connection made elsewhere.
    pub fn over(stream: TcpStream) -> anyhow::Result<Client> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    /// The connection itself; between calls nothing is left in the buffer.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Sends the words of `command` and waits for the reply. An error reply is a value, not an `Err`.
    pub fn call(&mut self, command: &str) -> anyhow::Result<Value> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .with_context(|| command.to_owned())?;
        self.read().with_context(|| format!("reply to {command}"))
    }

    /// A number in an INFO section, `None` if the server has no such field, or no INFO.
    pub fn info_number(&mut self, section: &str, field: &str) -> anyhow::Result<Option<f64>> {
        let Value::Text(info) = self.call(&format!("INFO {section}"))? else {
            return Ok(None);
        };
        Ok(field_of(&info, field, '\n', ':').and_then(|text| text.parse().ok()))
    }

    fn read(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.trim_end();
        let Some(kind) = line.chars().next() else {
            bail!("the server closed the connection")
        };
        let text = &line[kind.len_utf8()..];
        Ok(match kind {
            '+' => Value::Text(text.to_owned()),
            '-' => Value::Error(text.to_owned()),
            ':' => Value::Integer(text.parse()?),
            '$' if text == "-1" => Value::Nil,
            '$' => {
                let mut body = vec![0; text.parse::<usize>()? + 2];
                self.stream.read_exact(&mut body)?;
                body.truncate(body.len() - 2);
                Value::Text(String::from_utf8_lossy(&body).into_owned())
            }
            '*' if text == "-1" => Value::Nil,
            '*' => {
                let count: usize = text.parse()?;
                Value::Array(
                    (0..count)
                        .map(|_| self.read())
                        .collect::<anyhow::Result<_>>()?,
                )
            }
            _ => bail!("not a RESP2 reply: {line:?}"),
        })
    }
}

/// The value of `field` in text like `a=1 b=2` or lines of `a:1`.
pub fn field_of<'a>(text: &'a str, field: &str, between: char, after: char) -> Option<&'a str> {
    text.split(between)
        .find_map(|part| part.trim().strip_prefix(field)?.strip_prefix(after))
}

#[cfg(test)]
mod tests {
    use super::field_of;

    #[test]
    fn finds_fields_by_whole_name() {
        assert_eq!(
            field_of("id=3 addr=x shard=1 n=2", "shard", ' ', '='),
            Some("1")
        );
        assert_eq!(
            field_of("# Memory\r\nused_memory:12\r\n", "used_memory", '\n', ':'),
            Some("12")
        );
        assert_eq!(
            field_of("used_memory_rss:12", "used_memory", '\n', ':'),
            None
        );
    }
}
