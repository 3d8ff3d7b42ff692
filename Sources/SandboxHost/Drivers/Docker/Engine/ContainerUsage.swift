import GEM

extension SandboxStatistics {
    /// Reads `GET /containers/{id}/stats?stream=false&one-shot=true`. What is missing is 0.
    init(usage json: JSON) {
        self.init()
        cpuMicroseconds = Int64((json["cpu_stats"]?["cpu_usage"]?["total_usage"]?.int ?? 0) / 1000)
        let memory = json["memory_stats"]
        let detail = memory?["stats"]
        // What the kernel could drop at once is not counted, as `docker stats` does: v2 calls it inactive_file.
        let droppable = detail?["total_inactive_file"]?.int ?? detail?["inactive_file"]?.int ?? 0
        memoryBytes = Int64(max(0, (memory?["usage"]?.int ?? 0) - droppable))
        memoryLimitBytes = Int64(memory?["limit"]?.int ?? 0)
        processes = json["pids_stats"]?["current"]?.int ?? 0
        for network in json["networks"]?.object?.members ?? [] {
            networkBytes &+= Int64(network.value["rx_bytes"]?.int ?? 0) &+ Int64(network.value["tx_bytes"]?.int ?? 0)
        }
    }
}
