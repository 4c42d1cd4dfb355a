//! Runs the golden scripts of `tests/scripts`: one claim a file, the file name is the claim. `UPDATE_GOLDENFILES=1`
//! records their outputs anew.
//!
//! Keys and values are texts; `\0` may be written in quotes. An option is named as its field in the API. The commands:
//!
//! - `put KEY VALUE [lease=N] [prev_kv] [ignore_value] [ignore_lease]`
//! - `get KEY [END] [limit=N] [revision=N] [order=ascend|descend] [target=...] [keys_only] [count_only] [min_mod=N] ...`
//! - `delete KEY [END] [prev_kv]`
//! - `txn`, then `when FIGURE KEY RESULT NUMBER [end=KEY]`, `then`, operations, `else`, operations, and `end`; may be nested
//! - `compact N`, `sweep [N]`, `rows`, `status`
//! - `scan KEY [END] [limit=N]` begins to read a range in slices, `slice N` reads on
//! - `freeze`, `restore` (what was frozen, once everything else is done), `thaw` (drops it)

use std::error::Error;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use bytes::Bytes;
use goldenscript::{ArgumentConsumer, Command, Context};
use quorate_mvcc::{
    Backend, Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, Frozen, KeyValue,
    MemoryBackend, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp, ResponseOp, Revision, Scan,
    SortOrder, SortTarget, Store, TxnRequest, TxnResponse, restore,
};

type Answer = Result<String, Box<dyn Error>>;

#[test]
fn every_claim_holds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() > 20, "the scripts are missing");
    for script in scripts {
        println!("{}", script.display());
        goldenscript::run(&mut Runner::new(), &script).unwrap();
    }
}

struct Runner {
    store: Store<MemoryBackend>,
    scan: Option<Scan>,
    frozen: Option<Frozen>,
    /// Transactions being written down, the innermost last, and whether their `else` has begun.
    open: Vec<(TxnRequest, bool)>,
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Answer {
        let mut args = command.consume_args();
        let answer = match command.name.as_str() {
            "put" => self.operation(RequestOp::Put(put_request(&mut args)?)),
            "get" => self.operation(RequestOp::Range(range_request(&mut args)?)),
            "delete" => self.operation(RequestOp::DeleteRange(delete_request(&mut args)?)),
            "txn" => {
                self.open.push((TxnRequest::default(), false));
                Ok(String::new())
            }
            "when" => self.condition(&mut args),
            "then" => Ok(String::new()),
            "else" => {
                self.innermost()?.1 = true;
                Ok(String::new())
            }
            "end" => {
                let (txn, _) = self.open.pop().ok_or("no transaction is open")?;
                self.operation(RequestOp::Txn(txn))
            }
            "compact" => {
                self.store.compact(number(args.next_pos())?)?;
                Ok(String::new())
            }
            "sweep" => {
                let rows = args.next_pos().map_or(Ok(usize::MAX), str::parse)?;
                Ok(if self.store.sweep(rows)? { "more".into() } else { "done".into() })
            }
            "scan" => {
                self.scan = Some(Scan::new(self.store.view(), range_request(&mut args)?)?);
                Ok(String::new())
            }
            "slice" => self.slice(number(args.next_pos())?),
            "freeze" => {
                self.frozen = Some(self.store.freeze());
                Ok(String::new())
            }
            "thaw" => {
                self.frozen = None;
                Ok(String::new())
            }
            "restore" => self.restore(),
            "rows" => self.rows(),
            "status" => Ok(self.status()),
            name => Err(format!("no such command: {name}").into()),
        };
        args.reject_next()?;
        answer
    }
}

impl Runner {
    fn new() -> Self {
        Self { store: Store::new(MemoryBackend::new()), scan: None, frozen: None, open: Vec::new() }
    }

    /// Runs an operation, or adds it to the transaction being written down.
    fn operation(&mut self, op: RequestOp) -> Answer {
        if let Ok((txn, is_else)) = self.innermost() {
            if *is_else { &mut txn.failure } else { &mut txn.success }.push(op);
            return Ok(String::new());
        }
        let response = match op {
            RequestOp::Put(put) => ResponseOp::Put(self.store.put(&put)?),
            RequestOp::Range(range) => ResponseOp::Range(self.store.range(&range)?),
            RequestOp::DeleteRange(delete) => ResponseOp::DeleteRange(self.store.delete_range(&delete)?),
            RequestOp::Txn(txn) => ResponseOp::Txn(self.store.txn(&txn)?),
        };
        Ok(show(&response, 0))
    }

    fn innermost(&mut self) -> Result<&mut (TxnRequest, bool), &'static str> {
        self.open.last_mut().ok_or("no transaction is open")
    }

    fn condition(&mut self, args: &mut ArgumentConsumer<'_>) -> Answer {
        let figure = args.next_pos().ok_or("a figure is missing")?;
        let key = text(args.next_pos().ok_or("a key is missing")?);
        let result = match args.next_pos() {
            Some("equal") => CompareResult::Equal,
            Some("greater") => CompareResult::Greater,
            Some("less") => CompareResult::Less,
            Some("not_equal") => CompareResult::NotEqual,
            other => return Err(format!("no such result: {other:?}").into()),
        };
        let with = args.next_pos();
        let target = match figure {
            "version" => CompareTarget::Version(number(with)?),
            "create" => CompareTarget::CreateRevision(number(with)?),
            "mod" => CompareTarget::ModRevision(number(with)?),
            "lease" => CompareTarget::Lease(number(with)?),
            "value" => CompareTarget::Value(text(with.ok_or("a value is missing")?)),
            other => return Err(format!("no such figure: {other}").into()),
        };
        let range_end = args.take_key("end").map_or_else(Bytes::new, text);
        self.innermost()?.0.compare.push(Compare { key, range_end, result, target });
        Ok(String::new())
    }

    fn slice(&mut self, keys: usize) -> Answer {
        let mut scan = self.scan.take().ok_or("no scan was begun")?;
        if scan.advance(&self.store, keys)? {
            return Ok(show(&ResponseOp::Range(scan.finish()), 0));
        }
        let shown = scan.take().iter().fold(String::new(), |shown, pair| shown + &pair_text(pair) + "\n");
        self.scan = Some(scan);
        Ok(shown + "to be continued")
    }

    fn restore(&mut self) -> Answer {
        let mut frozen = self.frozen.take().ok_or("nothing was frozen")?;
        let mut stream = Vec::new();
        while !frozen.next_piece(&self.store, 1, &mut stream)? {}
        self.store = restore(&mut stream.as_slice(), MemoryBackend::new())?;
        Ok(self.status())
    }

    fn rows(&self) -> Answer {
        let mut shown = String::new();
        self.store.backend().scan(Revision::ZERO, &mut |revision, row| {
            let pair = row.clone().into_key_value(revision.main);
            let what =
                if row.is_tombstone() { format!("delete {}", pair.key.escape_ascii()) } else { pair_text(&pair) };
            let _ = writeln!(shown, "{revision} {what}");
            ControlFlow::Continue(())
        })?;
        Ok(shown)
    }

    fn status(&self) -> String {
        let (revision, compact) = (self.store.revision(), self.store.compact_revision());
        format!("revision={revision} compact_revision={compact} keys={}", self.store.key_count())
    }
}

fn put_request(args: &mut ArgumentConsumer<'_>) -> Result<PutRequest, Box<dyn Error>> {
    let lease = args.take_key("lease").map_or(Ok(0), str::parse)?;
    let words = words(args);
    let has = |flag: &str| words.contains(&flag);
    let ignore_value = has("ignore_value");
    let value = if ignore_value { Bytes::new() } else { text(words.get(1).copied().ok_or("a value is missing")?) };
    let key = text(words.first().copied().ok_or("a key is missing")?);
    Ok(PutRequest { key, value, lease, prev_kv: has("prev_kv"), ignore_value, ignore_lease: has("ignore_lease") })
}

fn delete_request(args: &mut ArgumentConsumer<'_>) -> Result<DeleteRangeRequest, Box<dyn Error>> {
    let words = words(args);
    let (key, range_end) = key_and_end(&words)?;
    Ok(DeleteRangeRequest { key, range_end, prev_kv: words.contains(&"prev_kv") })
}

fn range_request(args: &mut ArgumentConsumer<'_>) -> Result<RangeRequest, Box<dyn Error>> {
    let mut option = |name: &str| args.take_key(name).map_or(Ok(0), str::parse::<i64>);
    let mut request = RangeRequest {
        limit: option("limit")?,
        revision: option("revision")?,
        min_mod_revision: option("min_mod")?,
        max_mod_revision: option("max_mod")?,
        min_create_revision: option("min_create")?,
        max_create_revision: option("max_create")?,
        ..RangeRequest::default()
    };
    request.sort_order = match args.take_key("order") {
        None => SortOrder::None,
        Some("ascend") => SortOrder::Ascend,
        Some("descend") => SortOrder::Descend,
        Some(other) => return Err(format!("no such order: {other}").into()),
    };
    request.sort_target = match args.take_key("target") {
        None | Some("key") => SortTarget::Key,
        Some("version") => SortTarget::Version,
        Some("create") => SortTarget::CreateRevision,
        Some("mod") => SortTarget::ModRevision,
        Some("value") => SortTarget::Value,
        Some(other) => return Err(format!("no such target: {other}").into()),
    };
    let words = words(args);
    (request.key, request.range_end) = key_and_end(&words)?;
    (request.keys_only, request.count_only) = (words.contains(&"keys_only"), words.contains(&"count_only"));
    Ok(request)
}

fn key_and_end(words: &[&str]) -> Result<(Bytes, Bytes), &'static str> {
    let key = text(words.first().ok_or("a key is missing")?);
    let is_flag = |word: &&&str| ["prev_kv", "keys_only", "count_only"].contains(*word);
    let range_end = words.get(1).filter(|word| !is_flag(word)).map_or_else(Bytes::new, |word| text(word));
    Ok((key, range_end))
}

fn words<'a>(args: &mut ArgumentConsumer<'a>) -> Vec<&'a str> {
    std::iter::from_fn(|| args.next_pos()).collect()
}

fn text(word: &str) -> Bytes {
    Bytes::copy_from_slice(word.as_bytes())
}

fn number<T: std::str::FromStr<Err: Error + 'static>>(word: Option<&str>) -> Result<T, Box<dyn Error>> {
    Ok(word.ok_or("a number is missing")?.parse()?)
}

fn show(response: &ResponseOp, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match response {
        ResponseOp::Put(PutResponse { revision, prev_kv }) => {
            let previous = prev_kv.as_ref().map_or_else(String::new, |pair| format!(", was {}", pair_text(pair)));
            format!("{indent}put at {revision}{previous}")
        }
        ResponseOp::DeleteRange(DeleteRangeResponse { revision, deleted, prev_kvs }) => {
            prev_kvs.iter().fold(format!("{indent}deleted {deleted} at {revision}"), |shown, pair| {
                format!("{shown}\n{indent}  was {}", pair_text(pair))
            })
        }
        ResponseOp::Range(RangeResponse { revision, kvs, more, count }) => {
            let pairs = kvs.iter().fold(String::new(), |shown, pair| format!("{shown}{indent}{}\n", pair_text(pair)));
            format!("{pairs}{indent}count={count} at {revision}{}", if *more { ", more" } else { "" })
        }
        ResponseOp::Txn(TxnResponse { revision, succeeded, responses }) => {
            let taken = if *succeeded { "success" } else { "failure" };
            responses.iter().fold(format!("{indent}{taken} at {revision}"), |shown, response| {
                format!("{shown}\n{}", show(response, depth + 1))
            })
        }
    }
}

fn pair_text(pair: &KeyValue) -> String {
    let KeyValue { key, create_revision, mod_revision, version, value, lease } = pair;
    let lease = if *lease == 0 { String::new() } else { format!(" lease={lease}") };
    format!(
        "{}={} create={create_revision} mod={mod_revision} version={version}{lease}",
        key.escape_ascii(),
        value.escape_ascii()
    )
}
