//! The smallest server that the bench can be tested against, and ways for it to be wrong.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server gets wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Every hundredth draw is acknowledged but not done.
    LosesDraws,
    /// Every hundredth draw is done twice.
    RepeatsDraws,
    /// Every tenth draw is refused as busy, which is no fault if it is sent again.
    Busy,
    /// Says something that is no reply to the hundredth draw.
    Babbles,
    /// Closes the connection at the hundredth draw.
    HangsUp,
}

#[derive(Default)]
struct Books {
    balances: HashMap<Vec<u8>, i64>,
    /// Verdicts of draws and grants, by customer and key.
    keys: HashMap<(Vec<u8>, Vec<u8>), &'static str>,
    draws: u64,
}

/// Starts a server on a free port and returns its address; it ends with the process.
pub(super) fn start(fault: Fault, token: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let books = Arc::new(Mutex::new(Books::default()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let books = Arc::clone(&books);
            // A client that goes away in the middle is of no concern here.
            thread::spawn(move || serve(&stream.unwrap(), &books, fault, token).unwrap_or(()));
        }
    });
    address
}

fn serve(
    stream: &TcpStream,
    books: &Mutex<Books>,
    fault: Fault,
    token: Option<&str>,
) -> std::io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut output = BufWriter::new(stream);
    let mut allowed = token.is_none();
    loop {
        if input.buffer().is_empty() {
            output.flush()?;
        }
        let arguments = read_command(&mut input)?;
        let words: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        if let [b"AUTH", given] = words[..] {
            allowed = token.is_some_and(|token| token.as_bytes() == given);
            output.write_all(if allowed { b"+OK\r\n" } else { b"-WRONGPASS no such token\r\n" })?;
        } else if allowed {
            let Some(reply) = answer(&words, &mut books.lock().unwrap(), fault) else {
                return Ok(());
            };
            output.write_all(&reply)?;
        } else {
            output.write_all(b"-NOAUTH authenticate first\r\n")?;
        }
    }
}

fn read_command(input: &mut impl BufRead) -> std::io::Result<Vec<Vec<u8>>> {
    let count = read_length(input)?;
    (0..count)
        .map(|_| {
            let mut text = vec![0; read_length(input)? + 2];
            input.read_exact(&mut text)?;
            text.truncate(text.len() - 2);
            Ok(text)
        })
        .collect()
}

fn read_length(input: &mut impl BufRead) -> std::io::Result<usize> {
    let mut line = String::new();
    if input.take(32).read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line[1..].trim_end().parse().unwrap())
}

/// The reply, or none to hang up.
fn answer(words: &[&[u8]], books: &mut Books, fault: Fault) -> Option<Vec<u8>> {
    match *words {
        [b"METER", b"CREATE", ..] => Some(b"$5\r\nmeter\r\n".to_vec()),
        [b"BALANCE", customer, _] => {
            let balance = books.balances.get(customer).copied().unwrap_or(0).to_string();
            Some(format!("${}\r\n{balance}\r\n", balance.len()).into_bytes())
        }
        [verb, customer, _, units, ref options @ ..] => {
            let key = match *options {
                [b"ID", key] => Some((customer.to_vec(), key.to_vec())),
                _ => None,
            };
            let first = key.as_ref().and_then(|key| books.keys.get(key).copied());
            if let Some(first) = first {
                return Some(verdict(&format!("duplicate{first}"), customer, books));
            }
            let units: i64 = std::str::from_utf8(units).unwrap().parse().unwrap();
            let balance = books.balances.get(customer).copied().unwrap_or(0);
            if verb == b"DEBIT" && balance < units {
                books.keys.extend(key.map(|key| (key, "-refused")));
                return Some(verdict("refused", customer, books));
            }
            let step = if verb == b"GRANT" { Step::Add(units) } else { draw(units, books, fault) };
            let change = match step {
                Step::Add(change) => change,
                Step::SayBusy => return Some(b"-BUSY try again\r\n".to_vec()),
                Step::HangUp => return None,
            };
            books.keys.extend(key.map(|key| (key, "")));
            *books.balances.entry(customer.to_vec()).or_default() += change;
            if fault == Fault::Babbles && books.draws == 100 {
                return Some(b"hello?\r\n".to_vec());
            }
            Some(verdict("applied", customer, books))
        }
        _ => Some(b"-ERR unknown command\r\n".to_vec()),
    }
}

/// What a command leads to.
enum Step {
    Add(i64),
    SayBusy,
    HangUp,
}

/// What a draw of `units` leads to under this fault.
fn draw(units: i64, books: &mut Books, fault: Fault) -> Step {
    books.draws += 1;
    let hundredth = books.draws.is_multiple_of(100);
    match fault {
        Fault::LosesDraws if hundredth => Step::Add(0),
        Fault::RepeatsDraws if hundredth => Step::Add(-2 * units),
        Fault::HangsUp if hundredth => Step::HangUp,
        Fault::Busy if books.draws.is_multiple_of(10) => Step::SayBusy,
        Fault::None
        | Fault::LosesDraws
        | Fault::RepeatsDraws
        | Fault::HangsUp
        | Fault::Busy
        | Fault::Babbles => Step::Add(-units),
    }
}

fn verdict(verdict: &str, customer: &[u8], books: &Books) -> Vec<u8> {
    let balance = books.balances.get(customer).copied().unwrap_or(0).to_string();
    format!("*2\r\n${}\r\n{verdict}\r\n${}\r\n{balance}\r\n", verdict.len(), balance.len())
        .into_bytes()
}
