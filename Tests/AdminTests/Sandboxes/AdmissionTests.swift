import GEM
import Registry
import SandboxHost
import Synchronization
import Testing

@testable import Admin

@Suite(.timeLimit(.minutes(1))) struct AdmissionTests {
    @Test func theSameRequestStartsOneSandbox() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let first = try await server.begin { $0.requestID = "r-1" }
        let again = try await server.begin { $0.requestID = "r-1" }
        #expect(again.record.id == first.record.id)
        #expect(again.isRepeat && !first.isRepeat)
        // Another namespace has request ids of its own.
        var other = server
        other.caller.namespace = "other"
        let different = try await other.begin { $0.requestID = "r-1" }
        #expect(different.record.id != first.record.id)
        _ = try await server.directory.startEnd(of: first.record.id, for: server.caller)
        await server.kill()
        let next = try await fixture.start()
        let afterwards = try await next.begin { $0.requestID = "r-1" }
        #expect(afterwards.record.id == first.record.id)
        await next.kill()
    }

    @Test func manyAtOnceWithOneRequestIDAreOne() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 1...20 { group.addTask { try await server.begin { $0.requestID = "same" }.record.id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        await server.kill()
    }

    @Test func anIdInUseIsRefused() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        try await server.run("taken")
        #expect(await failureKind { try await server.begin("taken") } == .conflict)
        try await server.directory.stop("taken", for: server.caller)
        try await server.directory.delete("taken", for: server.caller)
        try await server.run("taken")
        #expect(fixture.room.running == ["taken"])
        await server.kill()
    }

    /// Minutes of fetching an image are no reason for others to wait.
    @Test func aFetchHoldsUpNobody() async throws {
        let fixture = try DirectoryFixture { $0.concurrentStarts = 1 }
        let server = try await fixture.start { $0.set { $0.absent = ["far:1", "far:2"] } }
        let fetches = server.driver.holdFetches()
        _ = try await server.begin("slow") { $0.image = "far:1" }
        _ = try await server.begin("given-up") { $0.image = "far:2" }
        try await server.run("quick")
        #expect(server.registry.record("slow")?.state == .pending)
        try await server.directory.stop("given-up", for: server.caller)
        fetches.send(())
        _ = try await server.directory.startEnd(of: "slow", for: server.caller)
        try await server.run("after")
        #expect(fixture.room.running == ["slow", "quick", "after"])
        #expect(server.driver.calls.filter { $0.hasPrefix("prepare") }.count == 2)
        await server.kill()
    }

    @Test func theLineIsBoundedAndTellsThePlace() async throws {
        let fixture = try DirectoryFixture { runtime in
            runtime.concurrentStarts = 1
            runtime.waitingStarts = 2
        }
        let server = try await fixture.start { $0.hold() }
        _ = try await server.begin("a")
        await server.driver.arrived(1)
        let second = try await server.begin("b")
        let third = try await server.begin("c")
        #expect(second.position == 0)
        #expect(third.position == 1)
        #expect((third.estimatedSeconds ?? 0) > 0)
        #expect(await failureKind { try await server.begin("d") } == .overloaded)
        #expect(server.registry.record("d") == nil)
        server.driver.release()
        for id in ["a", "b", "c"] { _ = try await server.directory.startEnd(of: id, for: server.caller) }
        try await server.run("d")
        await server.kill()
    }

    /// Fields that are refused, and the word that the refusal must hold.
    @Test(
        arguments: [
            (#"{"cpus":20}"#, "16"), (#"{"cpus":0}"#, "more than 0"), (#"{"cpus":"many"}"#, "cpus"),
            (#"{"limit_cpus":99}"#, "limit_cpus"), (#"{"memory":"65g"}"#, "64g"), (#"{"memory":"lots"}"#, "memory"),
            (#"{"memory":"1k"}"#, "4m"), (#"{"disk":"1000t"}"#, "256g"), (#"{"sandbox_id":"../x"}"#, "sandbox_id"),
            (#"{"sandbox_id":""}"#, "sandbox_id"), (#"{"image":"  "}"#, "image"), (#"{"image":7}"#, "image"),
            (#"{"image_os":"windows"}"#, "linux"), (#"{"use_kata_runtime":true}"#, "Kata"), (#"{"num_gpus":1}"#, "GPU"),
            (#"{"runtime":"magic"}"#, "fake"), (#"{"auto_delete_seconds":-1}"#, "negative"),
            (#"{"pull":"sometimes"}"#, "missing"), (#"{"network":"all"}"#, "network"), (#"{"ports":[0]}"#, "ports"),
            (#"{"env":{"A=B":"x"}}"#, "env"), (#"{"metadata":{"rock.lease":"x"}}"#, "rock."),
            (#"{"hostname":"a b"}"#, "hostname"), (#"{"startup_timeout":0}"#, "startup_timeout"), ("[]", "object"),
        ]
    )
    func refuses(_ body: String, because word: String) async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        do {
            let start = try SandboxStart(try JSON(parsing: body))
            _ = try await server.directory.start(start, by: server.caller)
            Issue.record("accepted \(body)")
        } catch let failure as Failure {
            #expect([.invalidArgument, .isolationRefused].contains(failure.kind))
            #expect(failure.message.contains(word), "\(failure.message)")
        }
        #expect(server.registry.counts().values.allSatisfy { $0 == 0 })
        await server.kill()
    }

    @Test func takesWhatBothGenerationsOfClientsSend() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let bodies = [
            #"{"image":"python:3.11","auto_clear_time_minutes":1.5,"auto_clear_time":1.5,"startup_timeout":180.0,"memory":"8g","cpus":2.0}"#,
            #"{"image":"python:3.11","image_os":"linux","auto_clear_time":2,"auto_clear_time_minutes":2,"startup_timeout":180,"memory":"8 GiB","cpus":2,"limit_cpus":null,"num_gpus":null,"accelerator_type":null,"registry_username":null,"registry_password":null,"use_kata_runtime":false,"sandbox_id":"one-eleven","auto_archive_seconds":null,"auto_delete_seconds":300,"disk":"50G","unknown":{}}"#,
        ]
        var records: [SandboxRecord] = []
        for body in bodies {
            let started = try await server.directory.start(try SandboxStart(try JSON(parsing: body)), by: server.caller)
            records.append(try await server.directory.startEnd(of: started.record.id, for: server.caller))
        }
        #expect(records.map(\.autoClearSeconds) == [90, 120])
        #expect(records.map(\.memoryText) == ["8.00g", "8.00g"])
        #expect(records.map(\.autoDeleteSeconds) == [3600, 300])
        #expect(records[0].id.count == 32)
        #expect(records[1].id == "one-eleven")
        await server.kill()
    }

    @Test func whatMayComeTwiceIsDoneOnce() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start()
        let id = try await first.run()
        let runs = Atomic<Int>(0)
        let work: @Sendable () async throws(Failure) -> [UInt8] = {
            Array("\(runs.wrappingAdd(1, ordering: .relaxed).newValue)".utf8)
        }
        var answers: [[UInt8]] = []
        for _ in 1...3 { answers.append(try await first.directory.once("r", on: id, method: "execute", work)) }
        answers.append(try await first.directory.once("r", on: id, method: "other", work))
        answers.append(try await first.directory.once(nil, on: id, method: "execute", work))
        // What fails may be tried again.
        let failing: @Sendable () async throws(Failure) -> [UInt8] = { () throws(Failure) in
            throw Failure(.timeout, "Too slow.")
        }
        #expect(
            await failureKind { try await first.directory.once("f", on: id, method: "execute", failing) } == .timeout)
        answers.append(try await first.directory.once("f", on: id, method: "execute", work))
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let hanging: @Sendable () async throws(Failure) -> [UInt8] = {
            start.finish()
            await Signal<Void>().value
            return []
        }
        Task { try await first.directory.once("h", on: id, method: "execute", hanging) }
        for await _ in started {}
        await first.kill()

        let second = try await fixture.start()
        answers.append(try await second.directory.once("r", on: id, method: "execute", work))
        #expect(answers.map { String(decoding: $0, as: UTF8.self) } == ["1", "1", "1", "2", "3", "4", "1"])
        #expect(
            await failureKind { try await second.directory.once("h", on: id, method: "execute", work) } == .conflict)
        await second.kill()
    }

    @Test func whatCallersSendAsKeyIsKeptSealed() async throws {
        let fixture = try DirectoryFixture()
        var server = try await fixture.start()
        server.caller.key = "secret-key"
        let id = try await server.run()
        let sealed = try #require(server.registry.record(id)?.authorizationEncrypted)
        #expect(!sealed.contains("secret"))
        let box = try #require(Base64.decode(Array(sealed.utf8)))
        let opened = AESGCM(key: [UInt8](repeating: 7, count: 32))?.open(box)
        #expect(opened == Array("secret-key".utf8))
        await server.kill()
    }
}
