//! `quorate explore` as a browser meets it: the address that it prints, the page, a trace; and what it says to what it can't open.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A program that serves, and is ended with the test; its first line, and the second where a run fails.
struct Served(Child, String, String);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it on a free port, and waits for the line with its address.
fn serve(arguments: &[&str]) -> Served {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(["explore", "--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut line, mut second) = (String::new(), String::new());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    if line.contains("#s=file&t=0.") {
        out.read_line(&mut second).unwrap();
    }
    Served(child, line, second)
}

fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_quorate")).arg("explore").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

/// What is answered, head and body.
fn ask(served: &Served, request: &str) -> String {
    let address = served.1.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_prints_where_the_page_is_and_serves_it() {
    let served = serve(&["--story", "figure-8"]);
    assert!(served.1.starts_with("The explorer is at http://127.0.0.1:"), "{}", served.1);
    assert!(served.1.ends_with("/explorer#s=figure-8\n"), "{}", served.1);
    let page = ask(&served, "GET /explorer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("<!doctype html>"), "{page}");
    let stories = ask(&served, "GET /api/explorer/scenarios HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(stories.contains("\"id\":\"sandbox\"") && stories.contains("\"id\":\"figure-8\""));
    let body = "{\"run\":{\"v\":2},\"from\":0,\"until\":1}";
    let head = format!(
        "Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}",
        body.len()
    );
    let answer = ask(&served, &format!("POST /api/explorer/trace HTTP/1.1\r\n{head}\r\n\r\n{body}"));
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("version 2"), "{answer}");
}

#[test]
fn a_run_that_fails_is_opened_a_little_before() {
    let mut run = sim::run::Run::teaching(2, 3);
    run.lie = Some(sim::lies::Lie::SyncDoesNothing);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim-2.run.json");
    fs::write(&file, run.to_json()).unwrap();
    let served = serve(&["--run", file.to_str().unwrap()]);
    assert!(served.1.contains("/explorer#s=file&t=0."), "{}", served.1);
    let (at, what) = served.2.split_once(" s: ").unwrap();
    assert!(
        at.starts_with("At 0.") && what.starts_with("Promises are on disk does not hold any more: n"),
        "{}",
        served.2
    );
    let stories = ask(&served, "GET /api/explorer/scenarios HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(stories.contains("sim-2.run.json"), "{stories}");
}

#[test]
fn what_can_not_be_opened_is_told() {
    let unknown = refused(&["--story", "nothing"]);
    assert!(unknown.contains("there is no story `nothing`; there are sandbox, first-election,"), "{unknown}");
    assert!(refused(&["--run", "/no/such/file"]).contains("can't read /no/such/file"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    fs::write(&file, "{\"v\": 9}").unwrap();
    assert!(refused(&["--run", file.to_str().unwrap()]).contains("version 9"));
    let step = "{\"at\": 1, \"act\": {\"Crsh\": {\"n\": 1}}}";
    fs::write(
        &file,
        sim::run::Run::teaching(1, 3).to_json().replace("\"script\": []", &format!("\"script\": [{step}]")),
    )
    .unwrap();
    let wrong = refused(&["--run", file.to_str().unwrap()]);
    assert!(
        wrong.ends_with("x.json: this is no run: step 1 of the script is wrong: unknown variant `Crsh`\n"),
        "{wrong}"
    );
    let mut long = sim::run::Run::teaching(1, 3);
    let op = sim::run::Ask::Put { key: "x".into(), value: "v".repeat(200) };
    let act = sim::run::Act::Client { to: 0, op };
    long.script = (0..400).map(|at| sim::run::Step { at, act: act.clone() }).collect();
    fs::write(&file, long.to_json()).unwrap();
    assert!(refused(&["--run", file.to_str().unwrap()]).contains("plays 64 kB at most"));
    fs::write(&file, vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(refused(&["--run", file.to_str().unwrap()]).contains("larger than 1 MB"));
    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(refused(&["--run", file.to_str().unwrap()]).contains("it is no text"));
    assert!(refused(&["--run", folder.path().to_str().unwrap()]).contains("can't read"));
    assert!(refused(&["--listen", "nowhere"]).contains("invalid socket address"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use = refused(&["--listen", &address]);
    assert!(in_use.contains(&format!("{address} can't be listened on")) && in_use.contains("--listen"), "{in_use}");
    assert!(refused(&["--web-dir", folder.path().to_str().unwrap()]).contains("has no explorer.html"));
}
