//! Changes that happen at the worst moment: just before or just after a certain page is read.

use super::mutation::Mutation;
use super::request::{Question, Target};

/// "When page `page` of `target` is served, do this."
#[derive(Clone, Debug)]
pub struct Hook {
    /// Which requests.
    pub target: Target,
    /// Which page of a list; nothing: any.
    pub page: Option<usize>,
    /// Before or after the answer is read from the account.
    pub moment: Moment,
    /// What happens.
    pub reaction: Reaction,
    /// Whether it happens the first time only.
    pub once: bool,
}

/// The two sides of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The answer shows the change already.
    Before,
    /// The answer does not show the change yet.
    After,
}

/// What a hook does.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// These changes.
    Apply(Vec<Mutation>),
    /// So many random changes.
    Churn(usize),
    /// Lets time pass on the simulated clock.
    Wait(std::time::Duration),
}

impl Hook {
    /// The usual hook: once, after this page.
    #[must_use]
    pub fn after(target: Target, page: usize, mutations: Vec<Mutation>) -> Self {
        Self {
            target,
            page: Some(page),
            moment: Moment::After,
            reaction: Reaction::Apply(mutations),
            once: true,
        }
    }

    fn is_due(&self, question: &Question, moment: Moment) -> bool {
        self.moment == moment
            && self.target.matches(question)
            && self.page.is_none_or(|page| question.page() == Some(page))
    }
}

/// The hooks that are set.
#[derive(Debug, Default)]
pub(super) struct Hooks(Vec<Hook>);

impl Hooks {
    pub(super) fn set(&mut self, hook: Hook) {
        self.0.push(hook);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is to happen now; hooks that were for once are gone after it.
    pub(super) fn take_due(&mut self, question: &Question, moment: Moment) -> Vec<Reaction> {
        let due = self.0.iter().filter(|hook| hook.is_due(question, moment));
        let reactions = due.map(|hook| hook.reaction.clone()).collect();
        self.0
            .retain(|hook| !(hook.once && hook.is_due(question, moment)));
        reactions
    }
}
