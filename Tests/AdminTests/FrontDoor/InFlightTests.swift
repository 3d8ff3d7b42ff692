import Synchronization
import Testing

@testable import Admin

private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }

    func set() { value.store(true, ordering: .sequentiallyConsistent) }
}

@Suite(.timeLimit(.minutes(1))) struct InFlightTests {
    @Test func theReaderWaitsAtTheLimitAndGoesOnWhenOneLeaves() async {
        let inFlight = InFlight(limit: 2)
        await inFlight.enter()
        await inFlight.enter()
        let hasEntered = Flag()
        await withTaskGroup { group in
            group.addTask {
                await inFlight.enter()
                hasEntered.set()
            }
            // Nothing but a departure may let the third in, however often others get their turn.
            for _ in 0..<1000 { await Task.yield() }
            #expect(!hasEntered.isSet)
            inFlight.leave()
            await group.waitForAll()
        }
        #expect(hasEntered.isSet)
    }
}
