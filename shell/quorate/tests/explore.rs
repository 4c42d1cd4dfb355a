//! `quorate explore` as a browser meets it: the address that it prints, the page, a trace; and what it says to what it can't open.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A program that serves, and is ended with the test.
struct Served(Child, String);

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
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Served(child, line)
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
    let page = ask(&served, "GET /explorer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("<!doctype html>"), "{page}");
    let stories = ask(&served, "GET /api/explorer/scenarios HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(stories.contains("\"id\":\"sandbox\"") && stories.contains("\"id\":\"figure-8\""));
    let body = "{\"run\":{\"v\":2},\"from\":0,\"until\":1}";
    let head =
        format!("Host: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
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
    let stories = ask(&served, "GET /api/explorer/scenarios HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
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
    assert!(refused(&["--web-dir", folder.path().to_str().unwrap()]).contains("has no explorer.html"));
}
