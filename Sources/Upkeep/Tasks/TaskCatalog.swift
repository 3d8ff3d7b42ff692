package import GEM

/// What can be ordered, by name.
package enum TaskCatalog {
    /// One kind of work.
    package struct Entry: Sendable {
        /// What we call it.
        package let name: String
        /// What ROCK's configuration files call it, behind the last dot of a class path, and what status files do.
        package let className: String
        package let type: String
        package let summary: String
        let make: @Sendable (inout TaskParameters) throws(Failure) -> any UpkeepTask

        init<Task: UpkeepTask>(
            _ name: String, _ className: String, _ type: String, _ task: Task.Type, _ summary: String
        ) {
            (self.name, self.className, self.type, self.summary) = (name, className, type, summary)
            make = { parameters throws(Failure) in try task.init(&parameters) }
        }
    }

    package static let entries: [Entry] = [
        Entry(
            "ImageCleanup", "ImageCleanupTask", "image_cleanup", ImageCleanup.self,
            "Removes the images used longest ago until the rest is below a threshold"),
        Entry(
            "ContainerCleanup", "ContainerCleanupTask", "container_cleanup", ContainerCleanup.self,
            "Removes what is left of sandboxes that nobody can ask for any more"),
        Entry(
            "FileCleanup", "FileCleanupTask", "file_cleanup", FileCleanup.self,
            "Removes files that are too old or too large"),
        Entry(
            "BuildCacheCleanup", "BuildCacheCleanupTask", "build_cache_cleanup", BuildCacheCleanup.self,
            "Removes what builds have kept for later builds"),
        Entry(
            "ImagePull", "ImagePullTask", "image_pull", ImagePull.self, "Makes images ready before they are asked for"),
        Entry(
            "DockerHealth", "DockerHealthTask", "docker_health", DockerHealth.self,
            "Asks the container engine how it is"),
        Entry(
            "LogArchive", "SandboxLogArchiveTask", "log_archive", LogArchive.self,
            "Compresses logs that were put aside, and removes old ones"),
        Entry("Program", "", "program", ProgramTask.self, "Runs a program of one's own"),
    ]

    /// The kind that `name` means: our name, a class path of ROCK's, or its last part.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the nearest ones.
    package static func entry(_ name: String) throws(Failure) -> Entry {
        let last = name.split(separator: ".").last.map(String.init) ?? name
        let isPath = name.contains(".")
        guard !isPath || name.hasPrefix("rock.admin.scheduler.tasks."),
            let entry = entries.first(where: { (!isPath && $0.name == last) || (!last.isEmpty && $0.className == last) }
            )
        else {
            let hint = Spelling.suggestion(
                for: last, among: entries.flatMap { [$0.name, $0.className] }.filter { !$0.isEmpty })
            throw Failure(.invalidArgument, "There is no task \"\(name)\".\(hint)")
        }
        return entry
    }

    /// The task that an order asks for.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that names the task or the parameter.
    package static func task(_ kind: String, _ parameters: JSON.Object) throws(Failure) -> any UpkeepTask {
        let entry = try entry(kind)
        var parameters = TaskParameters(parameters)
        let task = try entry.make(&parameters)
        try parameters.refuseUnknown()
        return task
    }
}
