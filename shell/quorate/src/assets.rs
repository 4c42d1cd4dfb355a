//! The pages' files, of the explorer and of the dashboard: in the program itself, or in a folder while somebody edits them. What is sent of them has no comments and no
//! indentation (web/tests/served.js does the same): a page test sees to it that no string looks like a comment.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use explorer::digest;
use server::web::Page;

macro_rules! assets {
    ($($path:literal),+ $(,)?) => {
        /// Paths in `web/`, with what is in them.
        const ALL: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../../../web/", $path)))),+];
    };
}

assets! {
    "common/a11y.js",
    "common/codec.js",
    "common/dom.js",
    "common/keys.js",
    "dashboard/bars.js",
    "dashboard/chart.js",
    "dashboard/events.js",
    "dashboard/feed.js",
    "dashboard/headline.js",
    "dashboard/latency.js",
    "dashboard/main.js",
    "dashboard/members.js",
    "dashboard/panel.js",
    "dashboard/style.css",
    "dashboard/words.js",
    "explorer.html",
    "explorer/acts.js",
    "explorer/boxes.js",
    "explorer/caption.js",
    "explorer/clients.js",
    "explorer/commands.js",
    "explorer/dialogs.js",
    "explorer/doings.js",
    "explorer/engine.js",
    "explorer/export.js",
    "explorer/flights.js",
    "explorer/gauge.js",
    "explorer/geometry.js",
    "explorer/inspector.js",
    "explorer/legend.js",
    "explorer/logs.js",
    "explorer/main.js",
    "explorer/panels.js",
    "explorer/player.js",
    "explorer/recent.js",
    "explorer/ring.js",
    "explorer/script.js",
    "explorer/session.js",
    "explorer/spacetime.js",
    "explorer/stage.js",
    "explorer/tape.js",
    "explorer/view.js",
    "explorer/why.js",
    "explorer/words.js",
    "explorer/world.js",
    "favicon.svg",
    "index.html",
    "modules.txt",
    "style.css",
}

/// What only the dashboard has.
fn is_dashboards(name: &str) -> bool {
    name == "index.html" || name.starts_with("dashboard/")
}

/// The dashboard's file at this path of a URL: every member serves them on its client port.
pub(crate) fn dashboard(path: &str) -> Option<Page> {
    let name = match path {
        "/" | "/dashboard" | "/dashboard/" => "index.html",
        other => other.strip_prefix('/')?,
    };
    let shared = ["favicon.svg", "style.css", "common/dom.js", "common/a11y.js"].contains(&name);
    let (name, own) = ALL.iter().find(|(known, _)| *known == name).filter(|_| shared || is_dashboards(name))?;
    let bytes = bare(name, Bytes::from_static(own));
    let tag = format!("\"{}\"", digest::fnv(&bytes));
    Some(Page { bytes, content_type: content_type(name), tag })
}

/// All files of the explorer.
#[derive(Debug)]
pub(crate) struct Assets {
    folder: Option<PathBuf>,
}

impl Assets {
    /// The program's own copy, or those in a folder.
    pub(crate) fn new(folder: Option<PathBuf>) -> Result<Self, String> {
        match &folder {
            Some(folder) if !folder.join("explorer.html").is_file() => {
                Err(format!("{} is not the page's folder: it has no explorer.html", folder.display()))
            }
            _ => Ok(Self { folder }),
        }
    }

    /// The file at this path of a URL. Only files that belong to the page are served, from wherever.
    pub(crate) fn get(&self, path: &str) -> Option<Page> {
        let name = match path {
            "/" | "/explorer" | "/explorer/" => "explorer.html",
            other => other.strip_prefix('/')?,
        };
        let (name, own) = explorers().find(|(known, _)| *known == name)?;
        let bytes = match &self.folder {
            Some(folder) => Bytes::from(fs::read(folder.join(name)).ok()?),
            None => Bytes::from_static(own),
        };
        let bytes = bare(name, bytes);
        let tag = format!("\"{}\"", digest::fnv(&bytes));
        Some(Page { bytes, content_type: content_type(name), tag })
    }

    /// All files as texts, for an export.
    pub(crate) fn texts(&self) -> Vec<(&'static str, String)> {
        let text =
            |name: &str| self.get(&format!("/{name}")).map(|asset| String::from_utf8_lossy(&asset.bytes).into_owned());
        explorers().filter_map(|(name, _)| Some((*name, text(name)?))).collect()
    }
}

fn explorers() -> impl Iterator<Item = &'static (&'static str, &'static [u8])> {
    ALL.iter().filter(|(name, _)| !is_dashboards(name))
}

/// A file without its comments and its indentation, if it is script or style; style also without its lines and the spaces
/// around its marks.
fn bare(name: &str, bytes: Bytes) -> Bytes {
    let begin = match name.rsplit_once('.') {
        Some((_, "js")) => "/**",
        Some((_, "css")) => "/*",
        _ => return bytes,
    };
    let Ok(mut rest) = str::from_utf8(&bytes) else { return bytes };
    let mut text = String::with_capacity(rest.len());
    while let Some((before, behind)) = rest.split_once(begin) {
        text.push_str(before);
        let after = behind.split_once("*/").map_or("", |(_, after)| after);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    text.push_str(rest);
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
    let kept = lines.filter(|line| begin == "/*" || !line.starts_with("//"));
    let text = kept.fold(String::with_capacity(text.len()), |all, line| all + line + "\n");
    let spaced = [("\n", ""), (" {", "{"), ("{ ", "{"), (": ", ":"), ("; ", ";"), (", ", ","), (";}", "}")];
    let close = spaced.iter().filter(|_| begin == "/*");
    Bytes::from(close.fold(text, |text, (wide, close)| text.replace(wide, close)))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files(folder: &Path, name: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let path = format!("{name}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                files(&entry.path(), &format!("{path}/"), found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web"), "", &mut found);
        let is_served = |path: &String| {
            let tool = ["tests/", "e2e/", "bench/"].iter().any(|folder| path.starts_with(folder));
            !tool && !path.ends_with(".d.ts") && !path.ends_with("tsconfig.json")
        };
        found.retain(is_served);
        found.sort();
        let mut ours: Vec<String> = ALL.iter().map(|(path, _)| (*path).to_owned()).collect();
        ours.sort();
        assert_eq!(ours, found, "the list in this file is that of web/");
    }

    #[test]
    fn the_page_weighs_little() {
        let assets = Assets::new(None).unwrap();
        // The list of modules is for exports: no page asks for it.
        let pages = explorers().filter(|(name, _)| *name != "modules.txt");
        let sent = pages.map(|(name, _)| assets.get(&format!("/{name}")).unwrap().bytes.len());
        let bytes: usize = sent.sum();
        assert!(bytes < 150_000, "{bytes} bytes");
    }

    #[test]
    fn a_member_serves_the_dashboard_and_nothing_else() {
        assert_eq!(dashboard("/").unwrap().content_type, "text/html; charset=utf-8");
        let own = ALL.iter().filter(|(name, _)| is_dashboards(name));
        assert!(own.clone().count() > 5 && own.clone().all(|(name, _)| dashboard(&format!("/{name}")).is_some()));
        assert!(dashboard("/style.css").is_some() && dashboard("/common/dom.js").is_some());
        for path in ["/explorer.html", "/explorer/main.js", "/health", "", "/../Cargo.toml"] {
            assert!(dashboard(path).is_none(), "{path}");
        }
        assert!(Assets::new(None).unwrap().get("/dashboard/main.js").is_none());
    }

    #[test]
    fn comments_and_indentation_stay_here() {
        let sent = |name: &str, text: &'static str| bare(name, Bytes::from_static(text.as_bytes()));
        let script = "// A room.\n\n/** @type {X} */ const a = 1;\n  /**\n   * More.\n   */\n  b(); // here\n";
        assert_eq!(sent("a.js", script), "const a = 1;\nb(); // here\n");
        assert_eq!(
            sent("a.css", "/* Colours. */\n:root {\n  --a: 1;\n}\na, b > c { d: e; f: g; }\n"),
            ":root{--a:1}a,b > c{d:e;f:g}"
        );
        assert_eq!(sent("a.html", "  <b> // x\n"), "  <b> // x\n");
    }

    #[test]
    fn every_module_of_the_list_is_served() {
        let assets = Assets::new(None).unwrap();
        let list = assets.get("/modules.txt").unwrap().bytes;
        let list = String::from_utf8(list.to_vec()).unwrap();
        assert!(list.lines().count() > 10);
        assert!(list.lines().all(|path| assets.get(&format!("/{path}")).is_some()), "{list}");
    }

    #[test]
    fn only_what_belongs_to_the_page_is_served() {
        let assets = Assets::new(None).unwrap();
        assert_eq!(assets.get("/explorer").unwrap().content_type, "text/html; charset=utf-8");
        assert!(assets.get("/../Cargo.toml").is_none() && assets.get("/explorer/nothing.js").is_none());
        assert!(Assets::new(Some(PathBuf::from("/nowhere"))).unwrap_err().contains("has no explorer.html"));
    }
}
