package import GEM
import Glibc

/// Removes files that are too old or too large, below folders that the administrator has opened to such tasks.
package struct FileCleanup: UpkeepTask {
    private struct Target: Sendable {
        let folder: String
        let rule: SweepRule
    }

    private let targets: [Target]
    /// Whether it only tells what would go.
    private let isRehearsal: Bool

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        let minutes = try parameters.number("max_age_mins", in: 0...52_560_000) ?? 10_080
        let text = try parameters.text("max_file_size") ?? "1G"
        guard case .bytes(let largest)? = Threshold(text) else {
            throw parameters.refusal("max_file_size", "a size such as 1G")
        }
        let include = try parameters.texts("include") ?? ["*"]
        isRehearsal = try parameters.bool("dry_run") ?? false
        var targets: [Target] = []
        for item in try parameters.list("target_dirs") ?? [] {
            var (folder, folders, files) = (item.string, [String](), [String]())
            if let object = item.object {
                var members = TaskParameters(object)
                folder = try members.text("path")
                folders = try members.texts("exclude_dirs") ?? []
                files = try members.texts("exclude_files") ?? []
                try members.refuseUnknown()
            }
            guard let folder, folder.hasPrefix("/") else {
                throw parameters.refusal("target_dirs", "a list of whole paths, or of mappings with 'path'")
            }
            let rule = SweepRule(
                olderThan: Int64(minutes * 60), largerThan: largest, include: include, keepFolders: folders,
                keepFiles: files)
            targets.append(Target(folder: folder, rule: rule))
        }
        guard !targets.isEmpty else { throw parameters.refusal("target_dirs", "given: a list of folders") }
        self.targets = targets
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        var reports: [JSON] = []
        var failures: [String] = []
        for target in targets {
            if Task.isCancelled { break }
            do throws(Failure) {
                let root = try workplace.root(of: target.folder)
                let swept = try await sweeping { [isRehearsal] token throws(Failure) in
                    try FileSweep(root: root, folder: target.folder, rule: target.rule, isRehearsal: isRehearsal, token)
                        .run()
                }
                failures += swept.refusals
                reports.append([
                    "folder": .string(target.folder), "removed_files": .number(JSON.Number(swept.files)),
                    "removed_bytes": .number(JSON.Number(Int(swept.bytes))),
                    "examples": .array(swept.examples.map { .string($0) }),
                ])
            } catch {
                failures.append(error.message)
            }
        }
        let details: JSON.Object = ["folders": .array(reports), "dry_run": .bool(isRehearsal)]
        guard failures.isEmpty else { return .failed(failures.prefix(20).joined(separator: " "), details: details) }
        return TaskReport(.success, details: details)
    }
}

extension Workplace {
    /// The root that `folder` is, or is below of.
    ///
    /// - Throws: ``Failure`` where it is below none.
    func root(of folder: String) throws(Failure) -> String {
        let root = fileRoots.first { folder == $0 || folder.hasPrefix($0 == "/" ? "/" : $0 + "/") }
        guard let root, !folder.split(separator: "/").contains("..") else {
            throw Failure(
                .invalidArgument,
                "\(folder) is not below a folder that tasks may remove files from. Name one in scheduler: file_roots.")
        }
        return root
    }
}
