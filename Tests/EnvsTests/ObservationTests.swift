import GEM
import Testing

@testable import Envs

@Suite struct ObservationTests {
    /// What every game owes to every reader of its text, whatever its rules.
    @Test(arguments: BuiltInEnvironments.specs.map(\.id.description))
    func speaksPlainText(_ id: String) throws {
        var player = try Player(id)
        var texts = [try player.reset(7)]
        texts += (0..<3).map { _ in
            player.step(player.sampleAction())
            return player.text
        }
        for text in texts {
            // A backslash that opens no box is one that was meant for the compiler.
            #expect(text.replacing("\\boxed{", with: "").contains("\\") == false, "\(text)")
            #expect(!text.contains("\n\n") && !text.hasPrefix("\n") && !text.hasSuffix("\n"), "\(text)")
            #expect(text.split(separator: "\n").contains { $0.utf8.count > 250 } == false, "\(text)")
        }
        #expect(texts[1].hasPrefix("Turn 1: "))
        #expect(texts[0].contains(#"such as \boxed{"#))
    }
}
