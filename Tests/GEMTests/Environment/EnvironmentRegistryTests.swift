import Testing

@testable import GEM

@Suite struct EnvironmentRegistryTests {
    private func spec(_ id: String) throws -> EnvironmentSpec {
        EnvironmentSpec(
            id: try #require(EnvironmentID(id)), summary: "", actionGrammar: "", rewardRange: 0...1, maxTurns: nil,
            parameters: []
        ) { (_, entropy) throws(Failure) in CountingEnvironment(limit: 1, isBroken: false, entropy: entropy) }
    }

    private let ids = [
        "game:Sokoban-v0-easy", "game:Sokoban-v0-hard", "game:Hangman-v0-hard", "game:Game2048-v0-extreme-hard",
    ]

    @Test func findsListsAndRefusesDuplicates() throws {
        var registry = try EnvironmentRegistry(ids.map { try spec($0) })
        #expect(registry.all.map(\.id.description) == ids.sorted())
        #expect(try registry.spec("game:Sokoban-v0-hard").id.variant == "hard")
        #expect(throws: Failure.self) { try registry.register(try spec(ids[0])) }
        #expect(registry.all.count == 4)
    }

    @Test(arguments: [
        ("game:sokoban-v0-easy", #"Did you mean "game:Sokoban-v0-easy" or "game:Sokoban-v0-hard"?"#),
        ("game:Hangmen-v0-hard", #"Did you mean "game:Hangman-v0-hard""#),
        ("game:Chess-v9-blitz-with-a-long-variant", "Call list to see all 4."),
        ("", "There is no environment called \"\""),
        (String(repeating: "😀\u{1B}", count: 5000), "😀\u{FFFD}😀\u{FFFD}…\""),
    ])
    func suggestsTheNearestIDs(_ id: String, _ hint: String) throws {
        let registry = try EnvironmentRegistry(ids.map { try spec($0) })
        do throws(Failure) {
            _ = try registry.spec(id)
            Issue.record("found")
        } catch {
            #expect(error.kind == .unknownEnvironment && error.message.contains(hint) && error.message.utf8.count < 800)
        }
    }

    @Test(arguments: [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)])
    func countsEdits(_ one: String, _ other: String, _ distance: Int) {
        #expect(Spelling.distance(Array(one.utf8), Array(other.utf8)) == distance)
    }

    @Test(arguments: [
        "game:Sokoban-v0-easy", "game:Game2048-v0-extreme-hard", "a:b-v12", "test:X_1-v0",
    ])
    func readsIDs(_ text: String) { #expect(EnvironmentID(text)?.description == text) }

    @Test(arguments: [
        "", "Sokoban", "game:Sokoban", "game:Sokoban-easy", "game:Sokoban-v-easy", "game:-v0", ":Sokoban-v0",
        "game:Sokoban-v0-", "game:Sokoban-v-1", "game:So koban-v0", "game:Sökoban-v0", "game:Sokoban-v0-a--b",
        "g:\(String(repeating: "x", count: 128))-v0", "game:X-v99999999999999999999", "game:X-v+1", "game:X-v01",
    ])
    func refusesWhatIsNoID(_ text: String) { #expect(EnvironmentID(text) == nil) }
}

@Suite struct ArgumentsTests {
    @Test func fillsInDefaults() throws {
        for json: JSON in [nil, [:]] {
            let arguments = try EnvironmentSpec.counter.arguments(from: json)
            #expect(arguments.integer("limit") == 3 && arguments.boolean("is_broken") == false)
            #expect(arguments.choice("mood") == "calm" && arguments.integerPair("size").map { $0 == (2, 3) } == true)
        }
        let given = try EnvironmentSpec.counter.arguments(
            from: ["limit": nil, "is_broken": true, "size": [9, 1], "mood": "wild"])
        #expect(given.integer("limit") == nil && given.boolean("is_broken") == true)
        #expect(given.choice("mood") == "wild" && given.integerPair("size").map { $0 == (9, 1) } == true)
    }

    @Test(arguments: [
        (#"[]"#, "object"), (#""limit""#, "object"), (#"{"limt":1}"#, #"Did you mean "limit"?"#),
        (#"{"colour":1}"#, "It takes limit, is_broken, size, mood."),
        (#"{"limit":0}"#, "an integer from 1 to 100 or null"),
        (#"{"limit":101}"#, "from 1 to 100"), (#"{"limit":1.0}"#, "integer"), (#"{"limit":"1"}"#, "integer"),
        (#"{"limit":99999999999999999999}"#, "integer"), (#"{"limit":true}"#, "integer"),
        (#"{"is_broken":1}"#, "true or false"),
        (#"{"is_broken":null}"#, "true or false"), (#"{"size":[1]}"#, "two integers"),
        (#"{"size":[1,2,3]}"#, "two integers"),
        (#"{"size":[0,1]}"#, "from 1 to 9"), (#"{"size":3}"#, "two integers"),
        (#"{"mood":"sad"}"#, #"one of "calm", "wild""#),
    ])
    func refuses(_ text: String, _ hint: String) throws {
        let json = try JSON(parsing: text)
        do throws(Failure) {
            _ = try EnvironmentSpec.counter.arguments(from: json)
            Issue.record("accepted")
        } catch {
            #expect(error.kind == .invalidArgument && error.message.contains(hint), "\(error.message)")
        }
    }

    @Test func showsItsSpec() throws {
        var writer = JSONWriter()
        EnvironmentSpec.counter.write(to: &writer)
        let expected = #"""
            {"id":"test:Counter-v0","namespace":"test","name":"Counter","version":0,"variant":null,"summary":"Count.",
            "action_grammar":"any text","reward_range":[0.0,1.0],"max_turns":3,"uses_seed":true,"kwargs":[
            {"name":"limit","type":"integer","minimum":1,"maximum":100,"nullable":true,"default":3,"description":"Turns."},
            {"name":"is_broken","type":"boolean","nullable":false,"default":false,"description":"Never begins."},
            {"name":"size","type":"integer_pair","minimum":1,"maximum":9,"nullable":false,"default":[2,3],
            "description":"Nothing."},
            {"name":"mood","type":"choice","choices":["calm","wild"],"nullable":false,"default":"calm",
            "description":"Nothing either."}]}
            """#
        #expect(try JSON(parsing: writer.bytes.span) == JSON(parsing: expected))
    }
}
