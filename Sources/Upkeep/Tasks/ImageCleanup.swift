package import GEM
import SandboxHost
import Transport

/// Removes the images used longest ago until the rest takes no more than a threshold, and what builds have kept.
///
/// Where docuum is installed it looks after a container engine's images, by its own account of when each was used; it goes on by itself,
/// so a later run leaves it alone. Images in use, and those on the list, stay in any case.
package struct ImageCleanup: UpkeepTask {
    package static let repetition = Repetition.onceAtATime

    private let threshold: Threshold
    private let kept: ImagePatterns
    private let buildCache: Threshold?
    /// Whether docuum is used where it is installed.
    private let usesDocuum: Bool

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        let names = (try parameters.threshold("disk_threshold"), try parameters.threshold("threshold"))
        if let one = names.0, let other = names.1, one != other {
            throw parameters.refusal("threshold", "left out where 'disk_threshold' says something else")
        }
        threshold = names.0 ?? names.1 ?? .bytes(1_000_000_000_000)
        kept = try ImagePatterns(try parameters.texts("image_whitelist") ?? [])
        let text = try parameters.text("keep_build_storage") ?? "20GB"
        guard text.isEmpty || Threshold(text) != nil else {
            throw parameters.refusal(
                "keep_build_storage", "a size such as 20GB, or empty to leave what builds keep alone")
        }
        buildCache = Threshold(text)
        usesDocuum = try parameters.bool("docuum") ?? true
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        var details = JSON.Object()
        details["disk_threshold"] = .string(threshold.description)
        var stores: [JSON] = []
        var process: Int32?
        var failures: [String] = []
        for images in workplace.images {
            var report: JSON.Object = ["driver": .string(images.driver)]
            do throws(Failure) {
                if images.driver == "docker", usesDocuum, let docuum = SystemProgram.find("docuum") {
                    process = try startDocuum(docuum, workplace)
                    report["by"] = "docuum"
                } else {
                    try await evict(images, workplace, &report)
                }
                if let buildCache,
                    let evicted = try await images.evictBuildCache(
                        downTo: buildCache.bytes(of: try await images.holdings().diskBytes))
                {
                    report["build_cache_removed_bytes"] = .number(JSON.Number(Int(evicted.bytes)))
                }
            } catch {
                // A machine without an engine has no images of an engine's.
                if let driver = try? workplace.machine.driver(images.driver), await !driver.examine().isUsable {
                    report["skipped"] = .string(error.message)
                } else {
                    report["error"] = .string(error.message)
                    failures.append(error.message)
                }
            }
            stores.append(.object(report))
        }
        details["images"] = .array(stores)
        if !failures.isEmpty { return .failed(failures.joined(separator: " "), details: details) }
        return TaskReport(process == nil ? .success : .running, process: process, details: details)
    }

    private func evict(
        _ images: any ImageUpkeep, _ workplace: Workplace, _ report: inout JSON.Object
    ) async throws(Failure) {
        let before = try await images.holdings()
        let limit = threshold.bytes(of: before.diskBytes)
        let evicted = try await images.evict(
            downTo: limit, keeping: { [kept] names in kept.match(names) }, uses: workplace.imageUses())
        report["threshold_bytes"] = .number(JSON.Number(Int(limit)))
        report["bytes_before"] = .number(JSON.Number(Int(before.bytes)))
        report["removed_bytes"] = .number(JSON.Number(Int(evicted.bytes)))
        report["removed"] = .array(evicted.names.prefix(200).map { .string($0) })
        if !evicted.refusals.isEmpty { report["refused"] = .array(evicted.refusals.prefix(50).map { .string($0) }) }
    }

    private func startDocuum(_ path: String, _ workplace: Workplace) throws(Failure) -> Int32 {
        let words = ["--threshold", threshold.description] + kept.patterns.flatMap { ["--keep", $0] }
        let process = try SystemProgram.startLasting(path, words, log: workplace.taskLog("docuum"))
        // Collected when it ends, if this process lives to see it.
        Task { [loop = workplace.loop] in _ = try? await loop.exitStatus(ofChild: process) }
        return process
    }
}
