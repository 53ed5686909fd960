// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// The names in a folder without `.` and `..`, sorted by their bytes.
package func listDirectory(_ path: String) throws(SystemError) -> [String] {
    guard let stream = unsafe opendir(path) else { throw .last("opendir", path) }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    while true {
        errno = 0
        guard let entry = unsafe readdir(stream) else {
            guard errno == 0 else { throw .last("readdir", path) }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
            unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) {
                unsafe String(cString: $0)
            }
        }
        if name != "." && name != ".." { names.append(name) }
    }
}

/// Makes the folder and those above it; one that is there is no error.
package func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    if unsafe mkdir(path, mode) == 0 { return }
    switch errno {
    case EEXIST:
        if (try? fileStatus(of: path))?.kind == .directory { return }
        throw SystemError(call: "mkdir", errno: EEXIST, subject: path)
    case ENOENT:
        let parent = parentDirectory(of: path)
        guard parent != path else { throw SystemError(call: "mkdir", errno: ENOENT, subject: path) }
        try makeDirectory(parent, mode: mode)
        if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
        throw .last("mkdir", path)
    default:
        throw .last("mkdir", path)
    }
}

/// Removes a folder and all that is in it; links are removed, not followed.
package func removeDirectory(_ path: String) throws(SystemError) {
    for name in try listDirectory(path) {
        let child = "\(path)/\(name)"
        if try fileStatus(of: child, followingLinks: false).kind == .directory {
            try removeDirectory(child)
        } else {
            try removeFile(child)
        }
    }
    guard unsafe rmdir(path) == 0 else { throw .last("rmdir", path) }
}

/// Removes a folder that holds nothing; any other is left.
package func removeEmptyDirectory(_ path: String) { _ = unsafe rmdir(path) }

/// Makes a new folder with a name of its own under `TMPDIR` or `/tmp`.
package func makeTemporaryDirectory(prefix: String) throws(SystemError) -> String {
    let parent = environmentValue("TMPDIR") ?? "/tmp"
    var template = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw .last("mkdtemp", parent) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What stands before the last slash of a path: `.` where there is none.
package func parentDirectory(of path: String) -> String {
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
}

/// Waits until the folder's names are on the disk.
package func syncDirectory(_ path: String) throws(SystemError) {
    let folder = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard fsync(folder.number) == 0 else { throw .last("fsync", path) }
}
