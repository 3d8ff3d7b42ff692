import GEM
import Testing

@testable import Admin

@Suite struct StartQueueTests {
    private func queue(_ change: (inout StartQueue.Limits) -> Void) -> StartQueue {
        var limits = StartQueue.Limits()
        change(&limits)
        return StartQueue(limits)
    }

    private func add(
        _ id: String, _ namespace: String = "n", cpus: Double = 1, to queue: inout StartQueue
    ) throws {
        let need = StartQueue.Need(cpus: cpus, memoryBytes: 1)
        try queue.reserve(need)
        queue.add(id, namespace: namespace, need: need)
    }

    @Test func namespacesTakeTurns() throws {
        var queue = queue { $0.concurrent = 2 }
        for id in ["a1", "a2", "a3", "a4"] { try add(id, "a", to: &queue) }
        for id in ["b1", "b2"] { try add(id, "b", to: &queue) }
        #expect(queue.place(of: "a4") == StartQueue.Place(position: 5, estimatedSeconds: nil))
        var order: [String] = []
        while true {
            let ready = queue.takeReady()
            if ready.isEmpty { break }
            order += ready
            for id in ready { queue.endStart(id, seconds: 1) }
        }
        #expect(order == ["a1", "b1", "a2", "b2", "a3", "a4"])
    }

    @Test func roomIsHeldUntilTheEnd() throws {
        var queue = queue { $0.cpus = 2 }
        try add("a", cpus: 1.5, to: &queue)
        try add("b", cpus: 1, to: &queue)
        #expect(queue.takeReady() == ["a"])
        queue.endStart("a", seconds: 1)
        #expect(queue.takeReady() == [])
        queue.remove("a")
        #expect(queue.takeReady() == ["b"])
        #expect(throws: Failure.self) { try queue.reserve(StartQueue.Need(cpus: 3)) }
    }

    @Test func aBigOneIsNotPassedForEver() throws {
        var queue = queue { $0.cpus = 2 }
        try add("small", to: &queue)
        #expect(queue.takeReady() == ["small"])
        try add("big", "x", cpus: 2, to: &queue)
        var passed = 0
        for index in 0..<200 {
            try add("s\(index)", to: &queue)
            let ready = queue.takeReady()
            if ready.isEmpty { break }
            passed += 1
            queue.remove("s\(index)")
        }
        #expect(passed == 64)
        queue.remove("small")
        #expect(queue.takeReady().first == "big")
    }

    @Test func aPausedStartLetsOthersPassAndGoesOnFirst() throws {
        var queue = queue { $0.concurrent = 1 }
        for id in ["a", "b", "c"] { try add(id, to: &queue) }
        #expect(queue.takeReady() == ["a"])
        queue.pauseStart("a")
        #expect(queue.takeReady() == ["b"])
        queue.resumeStart("a")
        #expect(queue.takeReady() == [])
        queue.endStart("b", seconds: 1)
        #expect(queue.takeReady() == ["a"])
        queue.remove("a")
        queue.resumeStart("a")
        #expect(queue.takeReady() == ["c"])
    }

    @Test func placesThatAreGivenBackAreFree() throws {
        var queue = queue { limits in
            limits.concurrent = 1
            limits.waiting = 0
        }
        try queue.reserve(StartQueue.Need())
        #expect(throws: Failure.self) { try queue.reserve(StartQueue.Need()) }
        queue.cancelReservation()
        try add("a", to: &queue)
        #expect(queue.takeReady() == ["a"])
        queue.remove("a")
        #expect(queue.startingCount == 0 && queue.waitingCount == 0)
    }
}
