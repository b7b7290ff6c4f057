//! Server-sent events, from a stream that comes in pieces.

use super::failure::Failure;

/// The longest event of the stream, in bytes.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// One server-sent event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

/// Reads server-sent events from pieces of a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    rest: Vec<u8>,
    event: Event,
}

impl Events {
    /// The events that this piece completes.
    ///
    /// # Errors
    /// An event does not end.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>, Failure> {
        self.rest.extend_from_slice(piece);
        let mut done = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), &mut done);
        }
        if self.rest.len() + self.event.data.len() > EVENT_BYTES_MAX {
            return Err(Failure::NotUnderstood("an event does not end".to_owned()));
        }
        Ok(done)
    }

    fn line(&mut self, line: &str, done: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if !event.data.is_empty() {
                done.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments keep the connection alive; numbers of events are not asked for.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let text =
            ": hello\r\nevent: opened\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 7\ndata:x\n\n: alive\n\n";
        let expected = [
            Event {
                name: "opened".to_owned(),
                data: "{\"a\":\n1}".to_owned(),
            },
            Event {
                name: String::new(),
                data: "x".to_owned(),
            },
        ];
        for size in 1..text.len() {
            let mut events = Events::default();
            let pieces = text.as_bytes().chunks(size);
            let found: Vec<_> = pieces.flat_map(|piece| events.push(piece).unwrap()).collect();
            assert_eq!(found, expected, "in pieces of {size}");
        }
        let mut events = Events::default();
        assert!(events.push(&vec![b'x'; EVENT_BYTES_MAX + 1]).is_err());
    }
}
