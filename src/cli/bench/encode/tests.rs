use crate::workload::Pick;

use super::{Encoder, Keys, LoadCommand, customer_name, write_command};

const PICKS: [Pick; 2] = [
    Pick { customer: 42, units: 7, key: 0xbeef },
    Pick { customer: 99_999_999, units: 100, key: 1 },
];

fn written(encoder: &Encoder) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.write(&mut out, &PICKS);
    out
}

fn commands(commands: &[&[&[u8]]]) -> Vec<u8> {
    let mut out = Vec::new();
    for arguments in commands {
        write_command(&mut out, arguments);
    }
    out
}

#[test]
fn templates_give_what_plain_encoding_gives() {
    let encoder = Encoder::drawdown("r1", "credits", LoadCommand::Debit, Keys::Unique, 100);
    assert_eq!(
        written(&encoder),
        commands(&[
            &[b"DEBIT", b"r1-00000042", b"credits", b"7", b"ID", b"r1-k00000000beef"],
            &[b"DEBIT", b"r1-99999999", b"credits", b"100", b"ID", b"r1-k000000000001"],
        ])
    );
    let encoder = Encoder::drawdown("r1", "credits", LoadCommand::Use, Keys::Absent, 100);
    assert_eq!(
        written(&encoder),
        commands(&[
            &[b"USE", b"r1-00000042", b"credits", b"7"],
            &[b"USE", b"r1-99999999", b"credits", b"100"],
        ])
    );
}

#[test]
fn redis_gets_script_calls() {
    assert_eq!(
        written(&Encoder::redis("r1", "5ca1ab1e", 100)),
        commands(&[
            &[b"EVALSHA", b"5ca1ab1e", b"2", b"r1-00000042", b"r1-k00000000beef", b"7"],
            &[b"EVALSHA", b"5ca1ab1e", b"2", b"r1-99999999", b"r1-k000000000001", b"100"],
        ])
    );
    assert_eq!(
        written(&Encoder::redis_batched("r1", "5ca1ab1e".to_owned(), 100)),
        commands(&[&[
            b"EVALSHA",
            b"5ca1ab1e",
            b"0",
            b"r1-00000042",
            b"r1-k00000000beef",
            b"7",
            b"r1-99999999",
            b"r1-k000000000001",
            b"100",
        ]])
    );
}

#[test]
fn set_up_and_load_mean_the_same_customer() {
    assert_eq!(customer_name("r1", 42), b"r1-00000042");
}
