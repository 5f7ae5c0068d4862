//! The byte stream between a socket and hyper.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use bytes::Buf;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::limits::LINGER;
use super::refusal;
use super::timer::ConnectionTimer;
use crate::core::layers::Middleware;
use crate::core::problem::Problem;

/// The number of bytes a client may send after the last response before it is disconnected. Enough for it to notice the
/// response.
const MAX_LINGERING_BYTES: usize = 8 * 1024 * 1024;

/// The largest response that is copied to be sent as one slice: for the kernel, `send` is cheaper than `writev`.
const MAX_COPIED_BYTES: usize = 2048;

/// A socket that reports to the connection's timer, replaces hyper's bare 400 and 431 with problems, and closes so that
/// the client can read the last response.
pub(super) struct TimedStream {
    socket: TcpStream,
    timer: ConnectionTimer,
    middleware: Middleware,
    /// The status of hyper's response to a head, until it is replaced.
    refused: Option<Refused>,
    /// The part of the replacement response that has not been sent yet.
    instead: Bytes,
    lingered: usize,
}

struct Refused {
    status: StatusCode,
    /// How long to wait for the rest of the head.
    patience: Pin<Box<Sleep>>,
}

impl TimedStream {
    pub(super) fn new(socket: TcpStream, timer: ConnectionTimer, middleware: Middleware) -> Self {
        Self {
            socket,
            timer,
            middleware,
            refused: None,
            instead: Bytes::new(),
            lingered: 0,
        }
    }

    /// Replaces hyper's own response to an unreadable head, which has only a status.
    fn replace(&mut self, written: &[u8]) -> bool {
        if !self.timer.is_between_answers() {
            return false;
        }
        let status = written.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let Some(status) = status.and_then(|digits| StatusCode::from_bytes(digits).ok()) else {
            return false;
        };
        self.timer.refusing();
        self.refused = Some(Refused {
            status,
            patience: Box::pin(sleep(LINGER)),
        });
        true
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(refused) = &mut self.refused {
            let status = refused.status;
            ready!(self.poll_head(cx));
            let problem = Problem::from_status(status).status(status);
            self.instead = refusal::bytes(self.middleware.refuse(problem, &self.timer.early_request()));
            self.refused = None;
        }
        while self.instead.has_remaining() {
            let written = ready!(self.report(|socket, instead| socket.poll_write(cx, instead)))?;
            self.instead.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Continues to read a head that is too large for hyper or has an unreadable line: without its `Origin`, the script
    /// of a page could not read the response, and its `Accept` says whether a page is requested.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; 4096];
        while let Some(refused) = self.refused.as_mut().filter(|_| self.timer.head_may_come()) {
            if refused.patience.as_mut().poll(cx).is_ready() {
                break;
            }
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.timer.received(buffer.filled()),
                _ => break,
            }
        }
        Poll::Ready(())
    }

    fn report(
        &mut self,
        write: impl FnOnce(Pin<&mut TcpStream>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = write(Pin::new(&mut self.socket), &self.instead);
        match written {
            Poll::Pending => self.timer.blocked(),
            Poll::Ready(_) => self.timer.progressed(),
        }
        written
    }

    /// Reads and discards further input: closing a socket with unread bytes sends a reset, which destroys a response
    /// that the client has not read yet (RFC 9112 §9.6).
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; 4096];
        while self.lingered < MAX_LINGERING_BYTES {
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.lingered += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let bytes = &buffer.filled()[before..];
        if !bytes.is_empty() {
            self.timer.received(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replace(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        self.report(|socket, _| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.first().is_some_and(|first| self.replace(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let mut room = [0; MAX_COPIED_BYTES];
        match joined(slices, &mut room) {
            Some(bytes) => self.report(|socket, _| socket.poll_write(cx, bytes)),
            None => self.report(|socket, _| socket.poll_write_vectored(cx, slices)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        self.timer.flushed();
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
        self.timer.closing();
        self.poll_linger(cx).map(Ok)
    }
}

/// Copies all slices to the start of `room`, if it is large enough.
fn joined<'a>(slices: &[IoSlice<'_>], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let joined = room.get_mut(..slices.iter().map(|slice| slice.len()).sum())?;
    let mut rest = &mut *joined;
    for slice in slices {
        let (filled, free) = rest.split_at_mut(slice.len());
        filled.copy_from_slice(slice);
        rest = free;
    }
    Some(joined)
}
