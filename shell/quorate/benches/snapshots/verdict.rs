//! What was to be reached, and what was.

/// T of the members, in milliseconds.
pub(crate) const ELECTION_TIMEOUT_MS: f64 = 1000.0;

/// One figure with its bar.
pub(crate) struct Claim {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) bar: Bar,
}

/// Which side of the bar is good.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Claim {
    pub(crate) fn at_least(what: &str, measured: f64, bar: f64) -> Self {
        Self { what: what.into(), measured, bar: Bar::AtLeast(bar) }
    }

    pub(crate) fn at_most(what: &str, measured: f64, bar: f64) -> Self {
        Self { what: what.into(), measured, bar: Bar::AtMost(bar) }
    }
}

pub(crate) fn print(claims: &[Claim]) {
    for Claim { what, measured, bar } in claims {
        let (reached, bar) = match bar {
            Bar::AtLeast(least) => (measured >= least, format!("at least {least}")),
            Bar::AtMost(most) => (measured <= most, format!("at most {most}")),
        };
        let verdict = if reached { "reached" } else { "NOT REACHED" };
        println!("{verdict:<12} {what:<72} {measured:>8.2}   ({bar})");
    }
}
