import Testing

@testable import Registry

@Suite struct SandboxListTests {
    /// A generator that gives the same numbers every time.
    struct Dice: RandomNumberGenerator {
        var state: UInt64 = 1
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    /// Sandboxes with few distinct texts, changed, relabelled and removed at random; the table and a plain list beside it.
    private func randomTable() -> (table: SandboxTable, records: [SandboxRecord]) {
        var dice = Dice()
        var table = SandboxTable()
        var records: [SandboxRecord] = []
        for serial in 1...3000 {
            var request = SandboxRequest(id: "box-\(serial)")
            request.image = "image-with-a-long-name-\(Int.random(in: 0..<5, using: &dice))"
            request.userID = "user-\(Int.random(in: 0..<7, using: &dice))"
            request.namespace = "namespace-\(Int.random(in: 0..<3, using: &dice))"
            request.driver = Bool.random(using: &dice) ? "jail" : "docker"
            if Bool.random(using: &dice) { request.labels["team"] = "\(Int.random(in: 0..<4, using: &dice))" }
            if Bool.random(using: &dice) { request.labels["task"] = "\(Int.random(in: 0..<50, using: &dice))" }
            var record = SandboxRecord(
                request, serial: Int64(serial), createTime: Timestamp(seconds: Int64(serial / 3)))
            _ = try? record.apply(.create, at: record.createTime)
            table.append(record)
            records.append(record)
            for _ in 0..<2 {
                let place = Int.random(in: 0..<records.count, using: &dice)
                let event = SandboxEvent.allCases.randomElement(using: &dice) ?? .stop
                _ = try? records[place].apply(event, at: Timestamp(seconds: Int64(serial)))
                records[place].hostIP = "10.0.0.\(Int.random(in: 0..<9, using: &dice))"
                if serial % 10 == 0 { records[place].labels = [SandboxLabel(name: "team", value: "9")] }
                table.replace(records[place])
            }
            if serial % 3 != 0 {
                let gone = records.remove(at: Int.random(in: 0..<records.count, using: &dice))
                table.remove(gone.serial)
            }
        }
        return (table, records)
    }

    @Test func aPageIsWhatAPlainSearchFinds() throws {
        let (table, records) = randomTable()
        #expect(table.count == records.count && table.slotCount < 3000)
        var dice = Dice(state: 7)
        let times = TimeFormat(zone: .shanghai)
        var wrong: [String] = []
        var found = 0
        for _ in 0..<400 {
            var query = SandboxQuery()
            let names = [
                "image", "user_id", "namespace", "driver", "host_ip", "team", "task", "state", "sandbox_id",
                "create_time",
            ]
            for name in names.shuffled(using: &dice).prefix(Int.random(in: 0...3, using: &dice)) {
                let example = records.randomElement(using: &dice)?.text(of: name, times: times)
                query.members.append((name, example ?? "nothing has this"))
            }
            if Bool.random(using: &dice) { query.states = [.pending, .running, .stopped] }
            if Int.random(in: 0..<4, using: &dice) == 0 { query.namespaces = ["namespace-1", "namespace-2", "other"] }
            if Int.random(in: 0..<4, using: &dice) == 0 { query.createdFrom = Timestamp(seconds: 300) }
            if Int.random(in: 0..<4, using: &dice) == 0 { query.createdBefore = Timestamp(seconds: 700) }
            query.offset = Int.random(in: 0..<20, using: &dice)
            query.limit = Int.random(in: 1..<40, using: &dice)
            query.isNewestFirst = Bool.random(using: &dice)

            var expected = records.filter { record in
                query.states?.contains(record.state) ?? true
                    && query.namespaces?.contains(record.namespace) ?? true
                    && record.createTime >= query.createdFrom ?? Timestamp(microseconds: .min)
                    && record.createTime < query.createdBefore ?? Timestamp(microseconds: .max)
                    && query.members.allSatisfy { record.text(of: $0.name, times: times) == $0.text }
            }
            if query.isNewestFirst { expected.reverse() }
            let page = table.page(query, times: times)
            let part = expected.dropFirst(query.offset).prefix(query.limit)
            found += part.count
            if page.records.map(\.serial) != part.map(\.serial) || page.total != expected.count
                || page.hasMore != (query.offset + query.limit < expected.count)
            {
                wrong.append("\(query)")
            }
        }
        #expect(wrong.prefix(3) == [] && found > 1000)
    }

    @Test func pagesFollowOnEachOther() throws {
        let (table, records) = randomTable()
        var query = SandboxQuery()
        query.limit = 97
        var serials: [Int64] = []
        while true {
            let page = table.page(query, times: TimeFormat(zone: .utc))
            serials += page.records.map(\.serial)
            query.offset += 97
            if !page.hasMore { break }
        }
        #expect(serials == records.map(\.serial))
    }

    @Test func textsThatNobodyUsesAreGone() {
        var column = TextColumn()
        for turn in 0..<100 { _ = column.append("text \(turn)") }
        for slot in 0..<100 { column.set(slot, to: slot == 0 ? "kept" : nil) }
        #expect(column.code(of: "text 5") == nil && column.code(of: "kept") != nil)
        // Codes are used again.
        #expect(
            (0..<99).allSatisfy {
                _ = column.append("new \($0)"); return (column.code(of: "new \($0)") ?? .max) < 101
            })
    }

    @Test(arguments: [(0, 0), (-1, 1), (0, 10_001), (0, -5)])
    func refusesPagesThatCannotBe(offset: Int, limit: Int) throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        var query = SandboxQuery()
        (query.offset, query.limit) = (offset, limit)
        #expect(RegistryError.code { _ = try registry.list(query) } == .invalidArgument)
    }
}
