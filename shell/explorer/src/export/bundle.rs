//! One file out of the page's many: its style and its modules inlined, the trace beside them. Each module becomes a function of
//! its own, so that names of two modules do not meet; it knows as much of JavaScript as the page's own files need: `import` and
//! `export` stand at the beginning of a line.

use serde_json::json;

use super::{Asset, ExportRequest, Trace};

/// The page that plays alone.
pub(super) fn page(request: &ExportRequest, traces: &[Trace], assets: &[Asset<'_>]) -> String {
    let text = |path: &str| assets.iter().find(|asset| asset.path == path).map_or("", |asset| asset.text);
    let order = text("modules.txt").lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let script: Vec<String> = order.map(|path| module(path, text(path))).collect();
    let until = traces.last().map_or(0, |trace| trace.until);
    let (id, title, paper, captions) = match &request.story {
        Some(told) => (told.id.as_str(), told.title.as_str(), told.paper.as_str(), told.captions.as_slice()),
        None => ("run", "A run", "", [].as_slice()),
    };
    let story =
        json!({ "id": id, "title": title, "paper": paper, "run": request.run, "end": until, "captions": captions });
    let embedded = json!({ "story": story, "traces": traces, "t": request.t }).to_string();
    let mut page = String::new();
    for line in text("explorer.html").lines() {
        if line.contains("left out by the export") {
            continue;
        }
        if line.contains("rel=\"stylesheet\"") {
            page.push_str(&format!("<style>\n{}</style>\n", text("style.css").replace("</", "<\\/")));
        } else if line.contains("<script type=\"module\"") {
            // No text of the trace ends the element that it stands in.
            let embedded = embedded.replace('<', "\\u003c");
            page.push_str(&format!("<script type=\"application/json\" id=\"embedded\">{embedded}</script>\n"));
            page.push_str(&format!(
                "<script type=\"module\">\n{}</script>\n",
                script.join("").replace("</script", "<\\/script")
            ));
        } else {
            page.push_str(line);
            page.push('\n');
        }
    }
    page
}

/// A module as a function that is called once: what it imports are values of the modules before it, what it exports is its result.
fn module(path: &str, text: &str) -> String {
    let (mut head, mut body, mut exported) = (String::new(), String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("import ") {
            let mut statement = line.to_owned();
            while !statement.trim_end().ends_with(';') {
                let Some(more) = lines.next() else { break };
                statement.push(' ');
                statement.push_str(more.trim());
            }
            head.push_str(&import(path, &statement));
        } else if let Some(rest) = line.strip_prefix("export ") {
            exported.extend(exported_name(rest));
            body.push_str(rest);
            body.push('\n');
        } else {
            body.push_str(line);
            body.push('\n');
        }
    }
    format!("const {} = (() => {{\n{head}{body}return {{ {} }};\n}})();\n", name(path), exported.join(", "))
}

/// `import { a, b as c } from './x.js';` and `import * as x from './x.js';`.
fn import(path: &str, statement: &str) -> String {
    let Some((what, from)) = statement.trim_start_matches("import ").split_once(" from ") else { return String::new() };
    let from =
        from.trim_matches(|letter: char| letter == ';' || letter == '\'' || letter == '"' || letter.is_whitespace());
    let module = name(&resolved(path, from));
    match what.trim().strip_prefix("* as ") {
        Some(all) => format!("const {all} = {module};\n"),
        None => format!("const {} = {module};\n", what.trim().replace(" as ", ": ")),
    }
}

/// `function f(`, `async function f(`, `class C`, `const x =`.
fn exported_name(declaration: &str) -> Option<String> {
    let mut words =
        declaration.split(|letter: char| letter.is_whitespace() || letter == '(' || letter == '=' || letter == '*');
    let keyword = |word: &&str| !matches!(*word, "async" | "function" | "class" | "const" | "let" | "");
    words.find(keyword).map(str::to_owned)
}

/// A path beside another: `../common/dom.js` beside `explorer/main.js` is `common/dom.js`.
fn resolved(beside: &str, path: &str) -> String {
    let mut parts: Vec<&str> = beside.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What a module is called inside the one file.
fn name(path: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    format!("m_{}", path.trim_end_matches(".js").chars().map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_becomes_a_function() {
        let text = "// Words.\nimport { a, b as c } from './x.js';\nimport * as dom from '../common/dom.js';\nimport {\n  d,\n  e,\n} from './y.js';\n\nexport const one = a;\nexport async function two(x) {\n  return c;\n}\nexport class Three {}\nfunction four() {}\n";
        let made = module("explorer/main.js", text);
        assert_eq!(
            made,
            "const m_explorer_main = (() => {\nconst { a, b: c } = m_explorer_x;\nconst dom = m_common_dom;\nconst { d, e, } = m_explorer_y;\n// Words.\n\nconst one = a;\nasync function two(x) {\n  return c;\n}\nclass Three {}\nfunction four() {}\nreturn { one, two, Three };\n})();\n"
        );
    }
}
