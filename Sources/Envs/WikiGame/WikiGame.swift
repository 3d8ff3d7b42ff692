import GEM

/// Walk from one page of an encyclopedia to another by links.
///
/// - Action: `\boxed{title}`, a link of the current page to the letter, or `\boxed{<PREV_PAGE>}` to go back where the variant lets one.
/// - Observation: the current page and the target, the beginning of the page's text, its links, each boxed.
/// - Rewards: 1 for the target, −0.05 for another link and for going back, −0.2 for what is no link, cannot be done or read, −0.1
///   where a page without links sends one back, 0 where it ends the game or the last turn does.
/// - Endings: the target, a page without links (in two variants), the turn limit. Unreadable text does not end it.
/// - Source: GEM's WikiGame, after TextArena. Pages are our own or the caller's; a seed draws start and target.
struct WikiGame: Game {
    var episode: Episode

    /// What a player may do beside following a link of the page.
    enum Variant: String, CaseIterable {
        /// Nothing; a page without links is the end.
        case noRegrets = "noregrets"
        /// Go back once between two links.
        case oneBack = "oneback"
        /// Go back at any time.
        case freeNavigation = "freenav"
        /// Follow any link that was shown in the episode.
        case eidetic
    }

    /// How much of a page's text is shown.
    struct Summary {
        enum Unit: String, CaseIterable { case characters, words, sentences }
        var length: Int
        var unit: Unit
    }

    static let back = "<PREV_PAGE>"

    let pages: WikiPages
    let variant: Variant
    let summary: Summary
    private let maxTurns: Int
    /// The pages up to the current one, which is the last; going back takes one off.
    private(set) var path: [Int] = [0]
    private(set) var target = 0
    /// Whether the last move went back.
    private var hasGoneBack = false
    /// The links of all pages shown so far; only what `eidetic` needs.
    private(set) var known: [Int] = []

    init(pages: WikiPages, variant: Variant, summary: Summary, maxTurns: Int, entropy: UInt64) {
        (self.pages, self.variant, self.summary, self.maxTurns) = (pages, variant, summary, maxTurns)
        episode = Episode(entropy: entropy, maxTurns: maxTurns)
    }

    var current: Int { path.last ?? 0 }

    mutating func begin(seed: Seed?) {
        episode.maxTurns = maxTurns
        let start = episode.stream.pick(pages.drawable)
        repeat { target = episode.stream.pick(pages.drawable) } while target == start
        path = [start]
        hasGoneBack = false
        known = []
        learn()
    }

    private mutating func learn() {
        guard variant == .eidetic else { return }
        let seen = Set(known)
        known += pages.pages[current].links.filter { !seen.contains($0) }
    }

    // MARK: Turns

    /// What a turn pays, and what it does to the episode.
    private struct Outcome {
        var reward: Double
        var terminated = false
        /// Whether the limit takes the reward and ends the task, too; otherwise it only cuts off.
        var limitTerminates = false
    }

    mutating func step(_ action: Action, observation: inout Observation) -> StepResult {
        episode.turn += 1
        observation.message.append("Turn ")
        observation.message.append(episode.turn)
        observation.message.append(": ")
        let outcome = play(action, message: &observation.message)
        var result = StepResult(reward: outcome.reward, terminated: outcome.terminated)
        if !outcome.terminated, episode.turn >= episode.maxTurns {
            result.truncated = true
            if outcome.limitTerminates { (result.reward, result.terminated) = (0, true) }
            observation.message.append(" That was the last turn.")
        }
        episode.isOver = result.terminated || result.truncated
        writeState(into: &observation.state)
        return result
    }

    private mutating func play(_ action: Action, message: inout Text) -> Outcome {
        guard let title = read(action) else {
            message.append("your text ends in no box that holds an action.")
            return Outcome(reward: -0.2)
        }
        if title.elementsEqual(Self.back.utf8) { return goBack(message: &message) }
        let links = variant == .eidetic ? known : pages.pages[current].links
        guard let next = pages.link(called: title, among: links) else {
            message.append("that is no link of this page.")
            return Outcome(reward: -0.2, limitTerminates: true)
        }
        return follow(next, message: &message)
    }

    private mutating func follow(_ next: Int, message: inout Text) -> Outcome {
        message.append("you went to ")
        message.append(string: pages.pages[next].title)
        if next == target {
            path.append(next)
            message.append(", the target: solved.")
            return Outcome(reward: 1, terminated: true)
        }
        guard pages.pages[next].links.isEmpty else {
            path.append(next)
            hasGoneBack = false
            learn()
            message.append(".")
            return Outcome(reward: -0.05, limitTerminates: true)
        }
        if variant == .noRegrets || variant == .eidetic {
            path.append(next)
            message.append(", a page without links: there is no way on.")
            return Outcome(reward: 0, terminated: true)
        }
        episode.turn += 1
        hasGoneBack = true
        message.append(", a page without links, and back again; that took two turns.")
        return Outcome(reward: -0.1)
    }

    private mutating func goBack(message: inout Text) -> Outcome {
        let isAllowed = variant == .freeNavigation || variant == .oneBack && !hasGoneBack
        guard isAllowed, path.count > 1 else {
            message.append(isAllowed ? "there is no page behind this one." : "you cannot go back now.")
            return Outcome(reward: -0.2)
        }
        path.removeLast()
        hasGoneBack = true
        message.append("you went back to ")
        message.append(string: pages.pages[current].title)
        message.append(".")
        return Outcome(reward: -0.05)
    }

    /// The content of the last box: from the last `\boxed`, or else the last `\fbox`, to the brace that closes it. It counts only if
    /// it is a `\boxed{`.
    func read(_ action: Action) -> [UInt8]? {
        let open = Array(#"\boxed"#.utf8)
        guard let start = action.lastPlace(of: open), start + open.count < action.count,
            action[start + open.count] == UInt8(ascii: "{")
        else { return nil }
        var depth = 0
        for place in start + open.count..<action.count {
            if action[place] == UInt8(ascii: "{") { depth += 1 }
            if action[place] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return (start + open.count + 1..<place).map { action[$0] } }
        }
        return nil
    }

    /// Turns are played by ``step(_:observation:)`` above, for here unreadable text does not end the task.
    mutating func play(_ move: [UInt8], message: inout Text) -> Play { .nothing }

    mutating func sampleAction(into text: inout Text) {
        let links = pages.pages[current].links
        text.append(#"\boxed{"#)
        text.append(string: links.isEmpty ? Self.back : pages.pages[episode.stream.pick(links)].title)
        text.append("}")
    }
}

extension Span<UInt8> {
    /// Where `text` begins for the last time.
    fileprivate func lastPlace(of text: [UInt8]) -> Int? {
        guard count >= text.count else { return nil }
        return (0...count - text.count).last { start in text.indices.allSatisfy { self[start + $0] == text[$0] } }
    }
}

extension WikiGame {
    static let specs = [spec("easy", 30), spec("hard", 15)]

    /// What a `make` may bring: with its envelope it fits into one message.
    private static let mostBytes = 3 << 20

    private static func spec(_ variant: String, _ maxTurns: Int) -> EnvironmentSpec {
        .game(
            "WikiGame", variant, summary: "Walk from one page to another by their links.",
            actionGrammar: #"\boxed{link title}"#, rewardRange: -0.2...1, maxTurns: maxTurns, drawsSizes: false,
            parameters: [
                Parameter(
                    "pages", .text, default: .null, isOptional: true,
                    summary: "The pages, a JSON object a line: title, text, links. Null plays on those that come along."
                ),
                Parameter(
                    "variant", .choice(Variant.allCases.map(\.rawValue)), default: .choice("noregrets"),
                    summary: "Whether one may go back, or follow links seen before."),
                Parameter(
                    "page_summary_length", .integer(0...100_000), default: .integer(100),
                    summary: "How much of a page's text is shown."),
                Parameter(
                    "page_summary_unit", .choice(Summary.Unit.allCases.map(\.rawValue)), default: .choice("characters"),
                    summary: "What page_summary_length counts."),
            ]
        ) { arguments, entropy throws(Failure) in
            let pages: WikiPages
            if let text = arguments.text("pages") {
                guard text.utf8.count <= mostBytes else {
                    throw .impossible("pages has more than \(mostBytes) bytes; leave some out.")
                }
                pages = try WikiPages(parsing: text)
            } else {
                pages = try WikiPages.own.get()
            }
            return WikiGame(
                pages: pages,
                variant: arguments.choice("variant").flatMap(Variant.init(rawValue:)) ?? .noRegrets,
                summary: Summary(
                    length: arguments.integer("page_summary_length") ?? 100,
                    unit: arguments.choice("page_summary_unit").flatMap(Summary.Unit.init(rawValue:)) ?? .characters),
                maxTurns: arguments.integer("max_turns") ?? maxTurns, entropy: entropy)
        }
    }
}

extension WikiGame {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        let pages = pages.pages.indices
        try state.index(&target, below: pages.count)
        try state.list(&path, counts: 1...episode.turn + 1, like: 0) { (state, page) throws(Failure) in
            try state.index(&page, below: pages.count)
        }
        try state.list(&known, counts: 0...pages.count, like: 0) { (state, page) throws(Failure) in
            try state.index(&page, below: pages.count)
        }
        try state.flag(&hasGoneBack)
    }
}
