import GEM
import Glibc

/// The Python package gem-llm in a process of its own, asked id by id what it reaches.
final class BenchPeer {
    /// What one id reaches in Python.
    struct Rates {
        /// Steps a second of one environment without resets.
        let steps: Double
        /// Resets a second, with the seeds from 0 on.
        let resets: Double
        /// How many resets that were.
        let count: Int
        /// Steps a second of `make_vec`, resets included.
        let vector: Double
    }

    private let process: BenchPeerProcess

    /// - Parameter python: The interpreter, with gem-llm installed. Its word lists are NLTK's, found through `$NLTK_DATA`.
    /// - Throws: ``CommandError`` where it cannot be started.
    init(python: String) throws { process = try BenchPeerProcess([python, "-c", Self.program]) }

    /// Measures `id`.
    ///
    /// - Returns: `nil` where Python cannot make it.
    /// - Throws: ``CommandError`` where it has gone away.
    func rates(of id: String, endless: JSON.Object, actions: [String], seconds: Double) throws -> Rates? {
        let request: JSON = [
            "id": .string(id), "endless": .object(endless), "actions": .array(actions.map { .string($0) }),
            "seconds": double(seconds),
        ]
        let answer = try process.ask(request)
        guard let steps = answer["steps"]?.double, let resets = answer["resets"]?.double,
            let count = answer["count"]?.int, let vector = answer["vector"]?.double
        else { return nil }
        return Rates(steps: steps, resets: resets, count: count, vector: vector)
    }

    /// Reads a request a line, answers a line. Nothing is fetched: word lists must be there.
    private static let program = """
        import json, sys, time
        out, sys.stdout = sys.stdout, sys.stderr
        try:
            import nltk
            nltk.download = lambda *_, **__: True
        except ImportError:
            pass
        import gem

        def clock():
            return time.perf_counter()

        def steps(want, actions):
            kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in want["endless"].items()}
            env = gem.make(want["id"], **kwargs)
            env.reset(seed=0)
            count, start = 0, clock()
            while clock() - start < want["seconds"]:
                for action in actions * max(1, 64 // len(actions)):
                    if any(env.step(action)[2:4]):
                        env.reset()
                    count += 1
            return count / (clock() - start)

        def resets(want):
            env = gem.make(want["id"])
            count, start = 0, clock()
            while count < 4 or clock() - start < want["seconds"]:
                env.reset(seed=count % 256)
                count += 1
            return count, count / (clock() - start)

        def vector(want, actions, reset_rate):
            size = max(1, min(8, int(4 * reset_rate)))
            env = gem.make_vec([want["id"]] * size)
            env.reset(seed=0)
            turns = ends = 0
            start = clock()
            while True:
                answer = env.step([actions[(turns + i) % len(actions)] for i in range(size)])
                turns += 1
                ended = sum(bool(a or b) for a, b in zip(answer[2], answer[3]))
                ends += ended
                if ended and ends >= size and clock() - start >= want["seconds"] or clock() - start > 30:
                    return turns * size / (clock() - start)

        for line in sys.stdin:
            want = json.loads(line)
            actions = want["actions"]
            answer = {}
            try:
                answer["steps"] = steps(want, actions)
                answer["count"], answer["resets"] = resets(want)
                answer["vector"] = vector(want, actions, answer["resets"])
            except Exception as error:
                answer = {"error": repr(error)}
            print(json.dumps(answer), file=out, flush=True)
        """
}
