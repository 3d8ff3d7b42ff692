/// Every record in memory, by id and in the order of creation, with columns to filter by.
///
/// A slot is a record's place in that order. Slots of pruned records stay empty until half of all are; then the table is
/// built anew.
struct SandboxTable {
    /// The texts that listings filter by in one sweep.
    enum Column: Int, CaseIterable {
        case image, userID, experimentID, namespace, clusterName, driver, hostIP

        /// The column behind a filter's wire name.
        init?(name: String) {
            switch name {
            case "image": self = .image
            case "user_id": self = .userID
            case "experiment_id": self = .experimentID
            case "namespace": self = .namespace
            case "cluster_name": self = .clusterName
            case "driver": self = .driver
            case "host_ip": self = .hostIP
            default: return nil
            }
        }
    }

    /// Holds a record outside the array, so that growing the array does not move half a kilobyte a record.
    private final class Box: Sendable {
        let record: SandboxRecord
        init(_ record: SandboxRecord) { self.record = record }
    }

    private var boxes: ContiguousArray<Box?> = []
    private(set) var serials: ContiguousArray<Int64> = []
    /// The record with an id; the youngest, where deleted ones had the same.
    private var slotOf: [String: UInt32] = [:]
    /// One bit a state, 0 where the slot is empty.
    private(set) var states: ContiguousArray<UInt8> = []
    private(set) var createTimes: ContiguousArray<Int64> = []
    /// When a timer ends, in microseconds; `Int64.max` where none runs. Ahead of the record's own value while uses of the
    /// sandbox have not been written down yet.
    private(set) var deadlines: ContiguousArray<Int64> = []
    private var columns = [TextColumn](repeating: TextColumn(), count: Column.allCases.count)
    /// The slots that carry a label, ascending.
    private(set) var labelled: [SandboxLabel: ContiguousArray<UInt32>] = [:]
    /// Texts that many records share and nobody filters by; never more than `vocabularyLimit`.
    private var vocabulary: Set<String> = []
    /// The same for extras.
    private var extras: Set<SandboxExtras> = []
    private static let vocabularyLimit = 4096

    /// How many records there are.
    private(set) var count = 0
    /// How many slots there are, empty ones included.
    var slotCount: Int { boxes.count }

    static func bit(_ state: SandboxState) -> UInt8 { 1 << UInt8(state.ordinal) }

    func column(_ column: Column) -> TextColumn { columns[column.rawValue] }

    // MARK: Reading

    /// The slot of the youngest record with `id`.
    func slot(of id: String) -> Int? { slotOf[id].map(Int.init) }

    /// The slot of the record with `serial`.
    func slot(of serial: Int64) -> Int? {
        let place = Self.place(of: serial, in: serials)
        return place < serials.count && serials[place] == serial && boxes[place] != nil ? place : nil
    }

    /// The record at `slot`, with its idle limit as its latest use has left it.
    func record(at slot: Int) -> SandboxRecord? {
        guard var record = boxes[slot]?.record else { return nil }
        if record.state.isLive, record.autoStopTime != nil {
            record.autoStopTime = Timestamp(microseconds: deadlines[slot])
        }
        return record
    }

    /// The idle limit at `slot` that has been written down; `nil` where none runs.
    func writtenAutoStop(at slot: Int) -> Timestamp? {
        guard let record = boxes[slot]?.record, record.state.isLive else { return nil }
        return record.autoStopTime
    }

    /// The idle seconds that the record at `slot` is allowed.
    func autoClearSeconds(at slot: Int) -> Int32? { boxes[slot]?.record.autoClearSeconds }

    // MARK: Writing

    /// Adds a record that is younger than all there are.
    mutating func append(_ record: SandboxRecord) {
        let slot = boxes.count
        var record = record
        share(&record, slot: nil)
        boxes.append(Box(record))
        serials.append(record.serial)
        states.append(Self.bit(record.state))
        createTimes.append(record.createTime.microseconds)
        deadlines.append(record.deadline?.microseconds ?? .max)
        slotOf[record.id] = UInt32(slot)
        for label in record.labels { labelled[label, default: []].append(UInt32(slot)) }
        count += 1
    }

    /// Replaces the record of the same serial, which must exist.
    mutating func replace(_ record: SandboxRecord) {
        guard let slot = slot(of: record.serial), let old = boxes[slot]?.record else { return }
        var record = record
        share(&record, slot: slot)
        boxes[slot] = Box(record)
        states[slot] = Self.bit(record.state)
        let deadline = record.deadline?.microseconds ?? .max
        // A use while this record was being written must not be undone.
        let isOneRun = old.state.isLive && record.state.isLive && deadline != .max
        deadlines[slot] = isOneRun ? max(deadline, deadlines[slot]) : deadline
        if old.labels != record.labels {
            for label in old.labels { unlabel(slot, label) }
            for label in record.labels { self.label(slot, label) }
        }
    }

    /// Removes the record with `serial`.
    mutating func remove(_ serial: Int64) {
        guard let slot = slot(of: serial), let old = boxes[slot]?.record else { return }
        boxes[slot] = nil
        states[slot] = 0
        deadlines[slot] = .max
        for column in columns.indices { columns[column].set(slot, to: nil) }
        for label in old.labels { unlabel(slot, label) }
        if slotOf[old.id] == UInt32(slot) { slotOf[old.id] = nil }
        count -= 1
        if boxes.count > 1024, count < boxes.count / 2 { compact() }
    }

    /// Moves the idle limit at `slot` in memory only.
    mutating func setDeadline(_ time: Timestamp, at slot: Int) { deadlines[slot] = time.microseconds }

    private mutating func compact() {
        var table = SandboxTable()
        for slot in boxes.indices {
            guard let box = boxes[slot] else { continue }
            table.append(box.record)
            table.deadlines[table.slotCount - 1] = deadlines[slot]
        }
        self = table
    }

    private mutating func label(_ slot: Int, _ label: SandboxLabel) {
        var slots = labelled.removeValue(forKey: label) ?? []
        slots.insert(UInt32(slot), at: Self.place(of: UInt32(slot), in: slots))
        labelled[label] = slots
    }

    private mutating func unlabel(_ slot: Int, _ label: SandboxLabel) {
        guard var slots = labelled.removeValue(forKey: label) else { return }
        let place = Self.place(of: UInt32(slot), in: slots)
        if place < slots.count, slots[place] == UInt32(slot) { slots.remove(at: place) }
        if !slots.isEmpty { labelled[label] = slots }
    }

    /// The first place in the ascending `values` that holds `value` or more.
    private static func place<Value: Comparable>(of value: Value, in values: ContiguousArray<Value>) -> Int {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if values[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Sharing texts

    /// Lets the texts of `record` share storage with the equal texts of others, and enters them into the columns: at `slot`,
    /// or at the end where that is `nil`.
    private mutating func share(_ record: inout SandboxRecord, slot: Int?) {
        enter(&record.image, .image, slot)
        enter(&record.userID, .userID, slot)
        enter(&record.experimentID, .experimentID, slot)
        enter(&record.namespace, .namespace, slot)
        enter(&record.clusterName, .clusterName, slot)
        enter(&record.driver, .driver, slot)
        enter(&record.hostIP, .hostIP, slot)
        share(&record.isolation)
        share(&record.hostID)
        share(&record.hostName)
        if let extras = record.extras { record.extras = shared(extras) }
        record.reason = shared(record.reason)
        for index in record.phases.indices {
            share(&record.phases[index].name)
            share(&record.phases[index].message)
        }
    }

    private mutating func enter(_ text: inout String, _ column: Column, _ slot: Int?) {
        if let slot {
            text = columns[column.rawValue].set(slot, to: text)
        } else {
            text = columns[column.rawValue].append(text)
        }
    }

    private mutating func share(_ text: inout String) {
        // Up to 15 bytes live inside the value.
        guard text.utf8.count > 15 else { return }
        if let known = vocabulary.firstIndex(of: text) {
            text = vocabulary[known]
        } else if vocabulary.count < Self.vocabularyLimit {
            vocabulary.insert(text)
        }
    }

    private mutating func shared(_ extras: SandboxExtras) -> SandboxExtras {
        if let known = self.extras.firstIndex(of: extras) { return self.extras[known] }
        if self.extras.count < Self.vocabularyLimit { self.extras.insert(extras) }
        return extras
    }

    private mutating func shared(_ text: String?) -> String? {
        guard var text else { return nil }
        share(&text)
        return text
    }
}
