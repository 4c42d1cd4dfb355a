//! Writes the Rust of `proto/*.proto` to `shell/api/src/`, where it is checked in, so that building needs neither
//! this crate nor protoc. With `--check` it writes nothing and fails when what is checked in differs. It knows nothing of
//! what the messages are used for.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One generated file a protobuf package: the package, and the module that it becomes.
const PACKAGES: [(&str, &str); 3] =
    [("etcdserverpb", "etcdserverpb"), ("mvccpb", "mvccpb"), ("quorate.v1", "quorate_v1")];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("quorate-codegen takes no argument (write the files), or --check (compare them)");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("quorate-codegen: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Generates into a scratch folder, then compares or copies. Answers whether all is as it should be.
fn run(check: bool) -> Result<bool, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("codegen/ has no parent folder")?.to_owned();
    let scratch = tempfile::tempdir()?;
    generate(&root.join("proto"), scratch.path())?;

    let mut same = true;
    for (package, module) in PACKAGES {
        let fresh = fs::read_to_string(scratch.path().join(format!("{package}.rs")))?;
        let path: PathBuf = root.join("shell/api/src").join(format!("{module}.rs"));
        if fs::read_to_string(&path).is_ok_and(|checked_in| checked_in == fresh) {
            continue;
        }
        if check {
            eprintln!("{} is not what proto/ says: run `cargo x codegen`", path.display());
            same = false;
        } else {
            fs::write(&path, fresh)?;
            println!("wrote {}", path.display());
        }
    }
    Ok(same)
}

fn generate(proto: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(["rpc.proto", "quorate/v1/sessions.proto", "quorate/v1/members.proto"], [proto])?;
    tonic_prost_build::configure()
        .bytes(".")
        .build_client(true)
        .build_server(true)
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}
