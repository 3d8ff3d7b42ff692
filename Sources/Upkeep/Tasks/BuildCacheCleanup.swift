package import GEM
import SandboxHost

/// Removes what builds and installers have kept for later ones.
package struct BuildCacheCleanup: UpkeepTask {
    private let keep: Threshold
    private let tools: [String]

    /// How each tool is told to empty its cache.
    private static let commands = ["uv": ["cache", "prune"], "pip": ["cache", "purge"]]

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        keep = try parameters.threshold("keep_storage") ?? .bytes(0)
        tools = try parameters.texts("tools") ?? []
        for tool in tools where Self.commands[tool] == nil {
            throw parameters.refusal("tools", "a list of \(Self.commands.keys.sorted().joined(separator: ", "))")
        }
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        var reports: [JSON] = []
        for images in workplace.images {
            let limit = keep.bytes(of: try await images.holdings().diskBytes)
            guard let evicted = try await images.evictBuildCache(downTo: limit) else { continue }
            reports.append([
                "driver": .string(images.driver), "removed_bytes": .number(JSON.Number(Int(evicted.bytes))),
            ])
        }
        var done: [JSON] = []
        for tool in tools {
            guard let path = SystemProgram.find(tool), let words = Self.commands[tool] else {
                done.append(["tool": .string(tool), "outcome": "not installed"])
                continue
            }
            let outcome = try await SystemProgram.run(path, words, log: workplace.taskLog(tool), on: workplace.loop)
            done.append(["tool": .string(tool), "outcome": .string(outcome.description)])
        }
        return TaskReport(.success, details: ["caches": .array(reports), "tools": .array(done)])
    }
}
