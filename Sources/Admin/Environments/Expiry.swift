import SandboxHost
import Transport

/// Ends environments that nobody uses or whose client is gone, one task for all.
///
/// Timers and closing connections only say *that* something ended; ``run(closing:)`` does the closing, so that it is
/// owned, awaited and finished before the server is.
final class Expiry: Sendable {
    private let group: EventLoopGroup
    private let ends: AsyncStream<(SandboxID, EndReason)>
    private let end: AsyncStream<(SandboxID, EndReason)>.Continuation

    init(group: EventLoopGroup) {
        self.group = group
        (ends, end) = AsyncStream.makeStream(of: (SandboxID, EndReason).self)
    }

    /// Has `id` closed soon.
    func end(_ id: SandboxID, reason: EndReason) { end.yield((id, reason)) }

    /// Has `environment` closed when it stays unused for its idle timeout.
    func watch(_ environment: LiveEnvironment) { arm(environment, on: group.next()) }

    /// Lets ``run(closing:)`` return once what has ended is closed.
    func finish() { end.finish() }

    /// Closes what ends, until ``finish()``.
    func run(closing close: @escaping @Sendable (SandboxID, EndReason) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await (id, reason) in ends { group.addTask { await close(id, reason) } }
        }
    }

    /// One timer per environment, armed again only when it fires: using an environment costs no timer work.
    private func arm(_ environment: LiveEnvironment, on loop: EventLoop) {
        let timer = loop.schedule(at: environment.idleDeadline) { [weak environment, self] in
            guard let environment else { return }
            if environment.idleDeadline <= .now {
                end(environment.id, reason: .idle)
            } else {
                arm(environment, on: loop)
            }
        }
        environment.ties.tie(timer: timer)
    }
}
