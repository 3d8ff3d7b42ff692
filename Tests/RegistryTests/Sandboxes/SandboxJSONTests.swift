import GEM
import Testing

@testable import Registry

@Suite struct SandboxJSONTests {
    private func record() throws -> SandboxRecord {
        var request = SandboxRequest(id: "box")
        request.userID = "用户"
        request.labels = ["b": "2", "a": "\"1\""]
        request.memoryBytes = 4 << 30
        request.authorizationEncrypted = "c2VjcmV0"
        request.autoDeleteSeconds = 3600
        var record = SandboxRecord(request, serial: 1, createTime: Timestamp(seconds: 1_768_995_480))
        try record.apply(.create, at: record.createTime)
        record.hostName = "worker"
        record.hostIP = "10.0.0.1"
        record.phases[0] = SandboxPhase(
            "image_pull", .success, message: "cached", startedAt: record.createTime, completedAt: record.createTime)
        record.ports = [PortMapping(inside: 22555, host: 40_001)]
        try record.apply(.alive, at: record.createTime.advanced(bySeconds: 2))
        return record
    }

    @Test func aStatusIsWhatBothClientsRead() throws {
        var writer = JSONWriter()
        let context = SandboxRecord.StatusContext(isAlive: true, gatewayVersion: "0.0.45", agentVersion: nil)
        try record().writeStatus(context, times: TimeFormat(zone: .shanghai), to: &writer)
        let expected = """
            {"sandbox_id":"box","status":{"image_pull":{"status":"success","message":"cached",\
            "started_at":"2026-01-21T19:38:00+08:00","completed_at":"2026-01-21T19:38:00+08:00"},\
            "docker_run":{"status":"waiting","message":"waiting"}},"state":"running","port_mapping":{"22555":40001},\
            "host_name":"worker","host_ip":"10.0.0.1","is_alive":true,"image":"python:3.11","gateway_version":"0.0.45",\
            "swe_rex_version":null,"user_id":"用户","experiment_id":"default","namespace":"default",\
            "cluster_name":"default","cpus":2.0,"memory":"4.00g","num_gpus":null,"accelerator_type":null,"disk":null,\
            "disk_limit_rootfs":null,"create_time":"2026-01-21T19:38:00+08:00","start_time":"2026-01-21T19:38:02+08:00",\
            "stop_time":null,"archive_time":null,"delete_time":null,"auto_stop_time":"2026-01-22T01:38:00+08:00",\
            "auto_archive_time":null,"auto_delete_time":null,"state_history":[{"from_state":"pending","to_state":"running",\
            "event":"alive","timestamp":"2026-01-21T19:38:02+08:00"}],"driver":"","isolation":"","host_id":"",\
            "reason":null,"metadata":{"a":"\\"1\\"","b":"2"},"revision":0}
            """
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test func theBillingLineIsTheStoredRecordOnOneLine() async throws {
        let lines = Lines()
        var fixture = try RegistryFixture()
        fixture.configuration.onBilling = { lines.append($0.line) }
        let registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "never-alive")) }
        try await registry.write { try $0.create(SandboxRequest(id: "box")) }
        try await registry.write { try $0.move("box", by: .alive) }
        fixture.clock.advance(bySeconds: 90)
        try await registry.write { transaction in
            try transaction.move("box", by: .stop)
            try transaction.move("never-alive", by: .stop)
        }
        let expected = """
            {"host_ip":"","host_name":"","image":"python:3.11","user_id":"default","experiment_id":"default",\
            "namespace":"default","cluster_name":"default","sandbox_id":"box","state":"stopped","memory":"8.00g",\
            "driver":"","phases":{"image_pull":{"status":"waiting","message":"waiting"},\
            "docker_run":{"status":"waiting","message":"waiting"}},"port_mapping":{},"cpus":2.0,\
            "create_time":"2026-01-21T20:53:20+08:00","start_time":"2026-01-21T20:53:20+08:00",\
            "stop_time":"2026-01-21T20:54:50+08:00"}
            """
        #expect(lines.all == [expected])
        let entries = try await registry.billing()
        #expect(entries.map(\.line) == [expected] && entries.first?.serial == 1)
        #expect(try await registry.billing(after: 1).isEmpty)
    }

    @Test(
        arguments: [
            (0, "0.00g"), (8 << 30, "8.00g"), (512 << 20, "0.50g"), (1, "0.00g"), (10_737_418, "0.01g"),
            (100 << 40, "102400.00g"),
        ] as [(Int64, String)])
    func memoryIsWrittenInGigabytes(bytes: Int64, text: String) {
        var request = SandboxRequest(id: "box")
        request.memoryBytes = bytes
        #expect(SandboxRecord(request, serial: 1, createTime: Timestamp(seconds: 0)).memoryText == text)
    }

    @Test func listsSurviveTheirColumns() throws {
        let record = try record()
        #expect(SandboxColumns.phases(SandboxColumns.text(phases: record.phases)) == record.phases)
        #expect(SandboxColumns.ports(SandboxColumns.text(ports: record.ports)) == record.ports)
        #expect(SandboxColumns.labels(SandboxColumns.text(labels: record.labels)) == record.labels)
        #expect(SandboxColumns.text(phases: SandboxPhase.initial).hasPrefix("[[\"image_pull\",\"waiting\""))
        for text in ["", "{", "[1]", "[[]]", "[[1,2,3,4,5]]", "[[\"a\",\"odd\",\"\",null,null]]"] {
            #expect(SandboxColumns.phases(text) == nil)
        }
        for text in ["", "[]", "{\"x\":1}", "{\"1\":70000}", "{\"1\":\"2\"}"] {
            #expect(
                SandboxColumns.ports(text) == nil
                    && (text == "[]" || SandboxColumns.labels(text) == nil || text.contains("\"2\"")))
        }
    }
}
