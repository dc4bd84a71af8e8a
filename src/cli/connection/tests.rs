use std::net::TcpListener;
use std::thread;

use super::*;

/// A server that answers every command of one connection with the next of these replies.
fn answering(replies: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0_u8; 4096];
        for reply in replies {
            assert!(socket.read(&mut request).unwrap() > 0);
            socket.write_all(reply.as_bytes()).unwrap();
        }
    });
    address
}

fn ask_once(reply: &'static [&'static str]) -> Result<Reply, ConnectionError> {
    Connection::open(answering(reply)).unwrap().ask(&["TOKEN", "LIST"])
}

#[test]
fn every_kind_of_reply_is_read() {
    let mut connection =
        Connection::open(answering(&["+OK\r\n", ":-7\r\n", "$-1\r\n", "$4\r\na\r\nb\r\n"]))
            .unwrap();
    assert_eq!(connection.ask(&["A"]).unwrap(), Reply::Text("OK".to_owned()));
    assert_eq!(connection.ask(&["B"]).unwrap(), Reply::Integer(-7));
    assert_eq!(connection.ask(&["C"]).unwrap(), Reply::Null);
    assert_eq!(connection.ask(&["D", ""]).unwrap(), Reply::Text("a\r\nb".to_owned()));
}

#[test]
fn arrays_nest_up_to_the_limit() {
    let reply = ask_once(&["*2\r\n*2\r\n$1\r\na\r\n:1\r\n*0\r\n"]).unwrap();
    assert_eq!(reply.into_text(), "a\t1\t");
    let deep = ask_once(&["*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"]);
    assert!(matches!(deep, Err(ConnectionError::Protocol("arrays too deep"))));
}

#[test]
fn an_error_reply_is_an_error() {
    let error = ask_once(&["-NOPERM admin only\r\n"]).unwrap_err();
    assert_eq!(error.to_string(), "the server says: NOPERM admin only");
}

#[test]
fn what_is_no_resp_is_named() {
    for reply in [
        &["HTTP/1.1 400 Bad Request\r\n"],
        &["$x\r\n"],
        &["$99999999999\r\n"],
        &["*99999999999\r\n"],
        &["$3\r\nabcde\r\n"],
        &[":\r\n"],
        &["+no carriage return\n"],
    ] {
        assert!(matches!(ask_once(reply), Err(ConnectionError::Protocol(_))), "{reply:?}");
    }
}

#[test]
fn an_early_end_is_an_error() {
    assert!(matches!(ask_once(&[""]), Err(ConnectionError::Io(_))));
    assert!(ask_once(&["*2\r\n:1\r\n"]).is_err());
    assert!(ask_once(&["$10\r\nabc"]).is_err());
}

#[test]
fn nobody_there_is_named_with_the_address() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = Connection::open(address).unwrap_err();
    assert_eq!(error.to_string(), format!("no server answers at {address}"));
}
