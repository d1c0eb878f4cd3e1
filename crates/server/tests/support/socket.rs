//! A room's socket as a client sees it, over any stream.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A frame from the server.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// A message of the room protocol.
    Message(Value),
    /// The last frame, with its code.
    Close(u16),
}

/// A room's socket.
pub struct RoomSocket<S> {
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> RoomSocket<S> {
    /// Opens a room's socket with a token in its header.
    pub async fn open(stream: S, host: &str, room: &str, token: &str) -> Self {
        let path = format!("/api/v1/rooms/{room}/ws");
        Self::upgrade(stream, host, &path, &format!("authorization: Bearer {token}\r\n")).await
    }

    /// Opens a room's socket with a token in its address, as browsers have to.
    pub async fn open_by_query(stream: S, host: &str, room: &str, token: &str) -> Self {
        let path = format!("/api/v1/rooms/{room}/ws?authToken={token}");
        Self::upgrade(stream, host, &path, "").await
    }

    async fn upgrade(mut stream: S, host: &str, path: &str, more: &str) -> Self {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n\
             connection: Upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Self { stream }
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Value) {
        self.frame(1, message.to_string().as_bytes()).await;
    }

    /// Sends a close frame.
    pub async fn close(&mut self, code: u16) {
        self.frame(8, &code.to_be_bytes()).await;
    }

    async fn frame(&mut self, opcode: u8, payload: &[u8]) {
        // A mask of zeros changes nothing (RFC 6455, section 5.3).
        let mut bytes = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..=125 => bytes.push(0x80 | short as u8),
            long => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(payload);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Reads the next message or the close frame; answers pings on the way.
    pub async fn next(&mut self) -> Frame {
        loop {
            let opcode = self.stream.read_u8().await.unwrap() & 0x0f;
            let length = match self.stream.read_u8().await.unwrap() {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.unwrap();
            match opcode {
                1 => return Frame::Message(serde_json::from_slice(&payload).unwrap()),
                8 => return Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
                9 => self.frame(10, &payload).await,
                other => panic!("a frame of kind {other}"),
            }
        }
    }

    /// Reads until a message of this type and returns its payload.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            match self.next().await {
                Frame::Message(mut message) if message["type"] == kind => {
                    return message["payload"].take();
                }
                Frame::Message(_) => {}
                Frame::Close(code) => panic!("closed with {code} before a {kind}"),
            }
        }
    }

    /// Reads until the answer to a command, and returns the code of its refusal, if it was refused.
    pub async fn answer(&mut self, id: u64) -> Option<String> {
        loop {
            match self.next().await {
                Frame::Message(message) if message["id"] == id => {
                    return message["code"].as_str().map(str::to_owned);
                }
                Frame::Message(_) => {}
                Frame::Close(code) => panic!("closed with {code} before the answer to {id}"),
            }
        }
    }

    /// Reads until the close frame and returns its code.
    pub async fn until_closed(&mut self) -> u16 {
        loop {
            if let Frame::Close(code) = self.next().await {
                return code;
            }
        }
    }

    /// Ends its own direction of the connection, without a close frame.
    pub async fn say_no_more(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads the proper end of the connection.
    pub async fn ended(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "{} bytes follow the close frame", rest.len());
    }
}
