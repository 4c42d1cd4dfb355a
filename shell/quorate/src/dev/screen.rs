//! The words of `dev`.
//!
//! Makes text; writes it nowhere.

use comfy_table::{Table, presets};

use super::cluster::{End, News};
use super::plan::{MemberPlan, Plan};
use crate::terminal::Paint;
use crate::version;

/// Who runs where, and what to try.
pub(crate) fn welcome(plan: &Plan, pids: &[u32], paint: Paint) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["MEMBER", "PID", "CLIENT URL", "DATA", "LOG"]);
    for (member, pid) in plan.members.iter().zip(pids) {
        let (pid, url) = (pid.to_string(), member.client.to_string());
        let (data, log) = (member.data_dir.display().to_string(), member.log.display().to_string());
        table.add_row([&member.name, &pid, &url, &data, &log]);
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();

    let program = plan.program_for_pasting();
    let endpoints = plan.endpoints();
    let which = if plan.is_default() { String::new() } else { format!(" --endpoints {endpoints}") };
    let ctl = |words: &str| paint.strong(&format!("{program} ctl{which} {words}"));
    let etcdctl = paint.strong(&format!("etcdctl --endpoints={endpoints} get X"));
    let kill = paint.strong(&format!("kill -9 {}", pids.first().copied().unwrap_or_default()));
    let dashboards: Vec<String> =
        plan.members.iter().map(|member| format!("{} {}/", member.name, member.client)).collect();
    format!(
        "Quorate {} runs three members on this machine. Ctrl-C stops them; their data stays.\n\n\
         {table}\n\
         Endpoints: {endpoints}\n\
         Dashboards, each one member's view: {}\n\n\
         Try in another terminal:\n  {}\n  {}\n  {etcdctl}\n  {kill}    # n1: the others go on\n\n",
        version::OURS,
        dashboards.join("  "),
        ctl("put X 3"),
        ctl("status"),
    )
}

/// One thing that happened, with what follows from it.
pub(crate) fn news(plan: &Plan, news: &News, paint: Paint) -> String {
    let member = |place: usize| &plan.members[place];
    match *news {
        News::Leads { member: place, term } => {
            paint.good(&format!("{} leads in term {term}.", member(place).name)) + "\n"
        }
        News::NoLeader => paint.alarm("Nobody leads: writes and linearizable reads wait.") + "\n",
        News::Ended { member: place, end, running } => {
            let member = member(place);
            let what = paint.alarm(&ended(member, end));
            let detail = last_words(member, end);
            format!("{what} {}\n{detail}To start it again: {}\n", survives(running), plan.command(member))
        }
        News::Back { member: place, running } => {
            let member = member(place);
            let text = format!("{} is back, started by hand: stop it by hand too.", member.name);
            format!("{} {}\n", paint.good(&text), survives(running))
        }
        News::Gone { member: place, running } => {
            let member = member(place);
            let what = paint.alarm(&format!("{}, which was started by hand, answers no more.", member.name));
            format!("{what} {}\nTo start it again: {}\n", survives(running), plan.command(member))
        }
        News::Silent { member: place } => {
            let member = member(place);
            let text = format!("{} runs but does not answer; its log: {}", member.name, member.log.display());
            paint.alarm(&text) + "\n"
        }
        News::Answers { member: place } => paint.good(&format!("{} answers again.", member(place).name)) + "\n",
    }
}

fn ended(member: &MemberPlan, end: End) -> String {
    match end {
        End::Signal(signal) => format!("{} was killed by signal {signal}.", member.name),
        End::Code(0) => format!("{} stopped.", member.name),
        End::Code(code) => format!("{} ended with exit code {code}.", member.name),
    }
}

/// The last line of the log of a member that gave up by itself.
fn last_words(member: &MemberPlan, end: End) -> String {
    if matches!(end, End::Signal(_) | End::Code(0)) {
        return String::new();
    }
    let log = std::fs::read_to_string(&member.log).unwrap_or_default();
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("(nothing)");
    format!("The last line of {}:\n  {last}\n", member.log.display())
}

/// What a cluster of three can still do.
fn survives(running: usize) -> &'static str {
    match running {
        3 => "3 of 3 members run: any one may fail.",
        2 => "2 of 3 members run: reads and writes go on; one more loss stops them.",
        1 => "1 of 3 members runs: writes and linearizable reads wait for a second; serializable reads are answered.",
        _ => "No member runs.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_welcome_names_everything_that_one_needs() {
        let text = welcome(&Plan::example(), &[11, 12, 13], Paint::off());
        let rows: Vec<Vec<&str>> = text.lines().skip(2).take(4).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["MEMBER", "PID", "CLIENT", "URL", "DATA", "LOG"]);
        assert_eq!(rows[2], ["n2", "12", "http://127.0.0.1:2389", "data/n2", "data/n2.log"]);
        let dashboards = "n1 http://127.0.0.1:2379/  n2 http://127.0.0.1:2389/  n3 http://127.0.0.1:2399/";
        assert!(text.contains(&format!("Dashboards, each one member's view: {dashboards}\n\n")), "{text}");
        assert!(text.contains("\nEndpoints: 127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399\n"), "{text}");
        assert!(text.contains("\n  /bin/quorate ctl put X 3\n") && text.contains("\n  kill -9 11    # n1"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn other_ports_are_in_the_commands() {
        let mut plan = Plan::example();
        plan.base_port = 4000;
        let text = welcome(&plan, &[1, 2, 3], Paint::off());
        assert!(
            text.contains("/bin/quorate ctl --endpoints 127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399 put X 3"),
            "{text}"
        );
    }

    #[test]
    fn a_loss_says_what_is_left_and_how_to_mend_it() {
        let plan = Plan::example();
        let text = news(&plan, &News::Ended { member: 0, end: End::Signal(9), running: 2 }, Paint::off());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "n1 was killed by signal 9. 2 of 3 members run: reads and writes go on; one more loss stops them."
        );
        assert_eq!(lines[1], format!("To start it again: {}", plan.command(&plan.members[0])));
    }

    #[test]
    fn a_member_that_gave_up_is_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plan = Plan::example();
        plan.members[2].log = folder.path().join("n3.log");
        std::fs::write(&plan.members[2].log, "first\nthe disk is read-only\n\n").expect("written");
        let text = news(&plan, &News::Ended { member: 2, end: End::Code(1), running: 2 }, Paint::off());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("n3 ended with exit code 1. 2 of 3 members run"), "{text}");
        assert!(lines[1].starts_with("The last line of ") && lines[2] == "  the disk is read-only", "{text}");
        assert!(lines[3].starts_with("To start it again: "), "{text}");
    }
}
