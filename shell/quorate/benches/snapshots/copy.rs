//! A plain copy of a file over a connection on loopback into another file with a sync: what a transfer is measured by.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

const PIECE_BYTES: usize = 256 << 10;

/// How long it takes.
pub(crate) fn copy(from: &Path, to: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut file = File::open(from).expect("the file is there");
            let mut stream = TcpStream::connect(address).expect("it listens");
            pump(&mut file, &mut stream);
        });
        let (mut stream, _) = listener.accept().expect("it connects");
        let mut file = File::create(to).expect("a file for the copy");
        pump(&mut stream, &mut file);
        file.sync_data().expect("it is synced");
    });
    let taken = begun.elapsed();
    std::fs::remove_file(to).expect("it is removed");
    taken
}

fn pump(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let bytes = from.read(&mut buffer).expect("it can be read");
        if bytes == 0 {
            return;
        }
        to.write_all(&buffer[..bytes]).expect("it can be written");
    }
}

/// Reads all of a file.
pub(crate) fn read(file: &Path) {
    let mut file = File::open(file).expect("the file is there");
    std::io::copy(&mut file, &mut std::io::sink()).expect("it can be read");
}
