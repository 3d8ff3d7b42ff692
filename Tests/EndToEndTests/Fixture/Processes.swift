import Foundation
import GEM
import Testing

/// The processes below `process`, zombies included.
func descendants(of process: Int32) throws -> Set<Int32> {
    var children: [Int32: [Int32]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
        // A process may end while we look; then it is no descendant any more.
        guard let pid = Int32(name), let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let parent = stat.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap({ Int32($0) })
        else { continue }
        children[parent, default: []].append(pid)
    }
    var found: Set<Int32> = []
    var next = children[process] ?? []
    while let pid = next.popLast() {
        found.insert(pid)
        next += children[pid] ?? []
    }
    return found
}

extension RunningServer {
    /// The process that jails are cloned from.
    var zygote: Int32 {
        get throws {
            let children = try String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
            let all = try descendants(of: process)
            // A thread of the server started it, so the list of the first thread may lack it.
            return try #require(
                children.split(separator: " ").first.flatMap { Int32($0) }
                    ?? all.first { parent(of: $0) == process })
        }
    }

    private func parent(of process: Int32) -> Int32? {
        let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return stat?.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
    }

    /// Makes environments one by one, on a server without a warm pool, and finds the process of each.
    func makeKnown(_ count: Int, over client: Client, _ params: JSON) async throws -> [(sandbox: JSON, process: Int32)]
    {
        var known: [(JSON, Int32)] = []
        var before = try descendants(of: process)
        for _ in 0..<count {
            let sandbox = try await client.make(params)
            let now = try descendants(of: process)
            let new = now.subtracting(before).filter { $0 != (try? zygote) }
            known.append((sandbox, try #require(new.count == 1 ? new.first : nil, "new processes: \(new)")))
            before = now
        }
        return known
    }
}
