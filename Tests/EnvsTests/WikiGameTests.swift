import GEM
import Testing

@testable import Envs

@Suite struct WikiGameTests {
    /// A ring A → B → C → A, with a dead end and two titles that are hard to write.
    private static let pages = #"""
        {"title":"A","text":"First one.  Then   another! And a third.","links":["B","End","Nowhere","B","A"]}
        {"title":"B","links":["C {x}","A"]}

        {"title":"C {x}","text":"","links":["A"]}
        {"title":"End","links":[]}
        {"title":"List","links":["A","B"],"disambiguation":true}
        """#

    /// A player who stands on A and wants to go to C, 2 links away.
    private static func player(
        _ id: String = "game:WikiGame-v0-easy", _ more: [String: Parameter.Value] = [:]
    ) throws -> Player {
        var player = try Player(id, more.merging(["pages": .free(.string(pages))]) { one, _ in one })
        let seed = try #require(
            try (0..<200 as Range<Seed>).first { seed in
                try player.reset(seed)
                return player.text.contains("Page: A\nTarget: C {x}\n")
            })
        try player.reset(seed)
        return player
    }

    private struct Turn: Equatable {
        let action: String
        let reward: Double
        var terminated = false
        var truncated = false
    }

    private static func expect(_ turns: [Turn], in player: consuming Player, _ what: String) {
        var player = player
        for (number, turn) in turns.enumerated() {
            let result = player.step(turn.action)
            let expected = StepResult(reward: turn.reward, terminated: turn.terminated, truncated: turn.truncated)
            #expect(result == expected, "\(what), turn \(number + 1) \(turn.action): \(player.text)")
        }
    }

    @Test func showsThePage() throws {
        let player = try Self.player()
        #expect(player.text.contains("from the page A to the page C {x} within 30 turns"))
        let end = player.text.split(separator: "\n").suffix(3)
        #expect(
            end == [
                "First one. Then another! And a third.", #"Links: \boxed{B} \boxed{End}"#,
                #"Turn 1 of 30: answer with \boxed{link}."#,
            ])
    }

    @Test(arguments: [
        ("characters", 12, "First one. T"), ("words", 3, "First one. Then"),
        ("sentences", 2, "First one. Then another!"),
        ("sentences", 9, "First one. Then another! And a third."), ("words", 0, ""),
    ])
    func cutsTheText(unit: String, length: Int, line: String) throws {
        let player = try Self.player(
            "game:WikiGame-v0-easy", ["page_summary_unit": .choice(unit), "page_summary_length": .integer(length)])
        #expect(player.text.contains("Target: C {x}\n\(line)\nLinks:"), "\(player.text)")
    }

    private static let back = Turn(action: #"\boxed{<PREV_PAGE>}"#, reward: -0.05)
    private static let noWayBack = Turn(action: #"\boxed{<PREV_PAGE>}"#, reward: -0.2)
    private static let toB = Turn(action: #"\boxed{B}"#, reward: -0.05)
    private static let toC = Turn(action: #"So: \boxed{C {x}}"#, reward: 1, terminated: true)
    private static let lost = Turn(action: #"\boxed{C {x}}"#, reward: -0.2)

    @Test func everyVariantHasItsRules() throws {
        let unreadable = ["", "B", #"\boxed{B"#, #"\fbox{B}"#, #"\boxed {B}"#, #"\boxed{B} \boxed"#].map {
            Turn(action: $0, reward: -0.2)
        }
        let illegal = ["b", " B", "End ", "", "A", "Nowhere"].map { Turn(action: "\\boxed{\($0)}", reward: -0.2) }
        Self.expect(
            unreadable + illegal + [Self.noWayBack, Self.toB, Self.noWayBack, Self.toC], in: try Self.player(), "")
        for variant in ["noregrets", "eidetic"] {
            Self.expect(
                [Turn(action: #"\boxed{End}"#, reward: 0, terminated: true)],
                in: try Self.player("game:WikiGame-v0-easy", ["variant": .choice(variant)]), variant)
        }
        let bounce = Turn(action: #"\boxed{End}"#, reward: -0.1)
        Self.expect(
            [Self.noWayBack, Self.toB, Self.back, Self.lost, bounce, Self.toB, Self.back, Self.toB, Self.toC],
            in: try Self.player("game:WikiGame-v0-easy", ["variant": .choice("freenav")]), "freenav")
        let again = Turn(action: #"\boxed{A}"#, reward: -0.05)
        Self.expect(
            [Self.toB, again, Self.back, Self.noWayBack, again, bounce, Self.noWayBack, Self.toB, Self.back],
            in: try Self.player("game:WikiGame-v0-easy", ["variant": .choice("oneback")]), "oneback")
        // C was a link of B, so it can be followed from A.
        Self.expect(
            [Self.toB, again, Self.toC],
            in: try Self.player("game:WikiGame-v0-easy", ["variant": .choice("eidetic")]), "eidetic")
    }

    @Test func theLimitTakesTheRewardOrOnlyCutsOff() throws {
        let limit = { (turns: Int, variant: String) in
            try Self.player(
                "game:WikiGame-v0-hard", ["max_turns": .integer(turns), "variant": .choice(variant)])
        }
        let last = { (action: String, reward: Double, terminated: Bool) in
            [Turn(action: action, reward: reward, terminated: terminated, truncated: true)]
        }
        Self.expect(last(#"\boxed{B}"#, 0, true), in: try limit(1, "noregrets"), "a link")
        Self.expect(last(#"\boxed{Z}"#, 0, true), in: try limit(1, "noregrets"), "no link")
        Self.expect(last("Z", -0.2, false), in: try limit(1, "noregrets"), "unreadable")
        Self.expect([Self.toB, Self.toC], in: try limit(2, "noregrets"), "the target")
        Self.expect(last(#"\boxed{End}"#, -0.1, false), in: try limit(2, "freenav"), "a bounce takes two turns")
        Self.expect(
            [Self.toB] + last(#"\boxed{<PREV_PAGE>}"#, -0.05, false), in: try limit(2, "freenav"), "going back")
    }

    @Test(arguments: [
        ("", "two pages"), ("{}", "Line 1"), (#"{"title":"A{","links":[]}"#, "cannot be boxed"),
        (#"{"title":"A","links":["B"]}"# + "\n" + #"{"title":"A","links":[]}"#, "Line 2"),
        (#"{"title":"A","links":[1]}"#, "Line 1"), (#"{"title":"A\n","links":[]}"#, "cannot be boxed"),
        (#"{"title":"A","links":["A","C"]}"# + "\n" + #"{"title":"B","links":["A"]}"#, "there are 1"),
    ])
    func refusesPagesThatAreNone(text: String, says: String) {
        #expect {
            try WikiPages(parsing: text)
        } throws: {
            ($0 as? Failure)?.kind == .invalidArgument && ($0 as? Failure)?.message.contains(says) == true
        }
    }

    /// Every page of ours that can be drawn is reached from every other.
    @Test func ourPagesHoldTogether() throws {
        let own = try WikiPages.own.get()
        #expect(own.pages.count == 82 && own.drawable.count == 79)
        for start in own.drawable {
            var (reached, open): (Set<Int>, [Int]) = ([start], [start])
            while let page = open.popLast() {
                for link in own.pages[page].links where reached.insert(link).inserted { open.append(link) }
            }
            #expect(reached.isSuperset(of: own.drawable))
        }
    }
}
