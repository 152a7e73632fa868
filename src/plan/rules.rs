//! The rules that keep a mirror exact, each with a switch: tests turn one off, to see that its absence shows.

/// A rule of exactness. The program always keeps all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A chat read in the second of its last change is read once more.
    Settled,
    /// A walk of more than one page looks at the head again.
    ClosingLook,
    /// Pages overlap, so that a row which slips over the seam is noticed.
    SeamOverlap,
    /// The news of a chat suffice only if the source's count equals the stored one.
    ExactCount,
    /// A chat's claim moves with the last page of a walk.
    ClaimWithTheLastPage,
    /// The watermark is the first answer's `Date`, with a margin.
    WatermarkFromTheDate,
    /// A walk stops early only in an order that was proven.
    ProvenOrder,
    /// A chat met before, and not among the open ones, is closed.
    StateLook,
    /// A change that the pages read do not explain owes the whole chat.
    ExplainedBump,
    /// A chat met for the first time owes its whole history.
    WholeHistory,
    /// A chat that has vanished holds the claim until the next pass.
    VanishedHoldsTheClaim,
    /// What is absent is deleted only when a second closed pass misses it.
    SecondLookForDeletions,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Settled,
        Self::ClosingLook,
        Self::SeamOverlap,
        Self::ExactCount,
        Self::ClaimWithTheLastPage,
        Self::WatermarkFromTheDate,
        Self::ProvenOrder,
        Self::StateLook,
        Self::ExplainedBump,
        Self::WholeHistory,
        Self::VanishedHoldsTheClaim,
        Self::SecondLookForDeletions,
    ];
}

/// Which rules are kept. By default, and in the program, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    broken: Option<Rule>,
}

impl Rules {
    /// All rules but one.
    #[must_use]
    pub fn without(rule: Rule) -> Self {
        Self { broken: Some(rule) }
    }

    /// Whether a rule is kept.
    #[must_use]
    pub fn keep(self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }
}
