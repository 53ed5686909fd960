// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct ReadCSVTests {
    @Test func `a column is what all of its values are`() throws {
        let read = try table(
            "whole,real,flag,text,gap,mixed\r\n"
                + "1,1.5,True,a,1,7\r\n"
                + "-2,.5,False,\"b, \"\"c\"\"\",,x\r\n"
                + "+3,1e3,true,NaN,3,true\r\n"
        )
        #expect(read.rowCount == 3 && read.firstLine == 2)
        #expect(read.column("whole")?.integers == [1, -2, 3])
        #expect(read.column("real")?.reals == [1.5, 0.5, 1000])
        #expect(read.column("flag")?.booleans == [true, false, true])
        #expect(read.column("text")?.texts == ["a", "b, \"c\"", "NaN"])
        #expect(read.column("gap")?.missing == [false, true, false])
        #expect(read.column("mixed")?.texts == ["7", "x", "true"])
        #expect(
            read.column("mixed")?.oddity
                == DataColumn.Oddity(row: 1, value: "x", count: 1, numberCount: 1)
        )
    }

    @Test func `words for a missing number are missing among numbers only`() throws {
        let read = try table("a,b\n1,None\nNA,x\nnan,\n")
        #expect(read.column("a")?.integers?.count == 3)
        #expect(read.column("a")?.missing == [false, true, true])
        #expect(read.column("b")?.texts == ["None", "x", nil])
    }

    @Test func `numbers stay texts where the graph takes texts`() throws {
        var options = DataOptions()
        options.texts = ["zip"]
        options.ignored = ["no"]
        let read = try table("zip,no\n007,1\n12,x\n", options)
        #expect(read.names == ["zip"] && read.column("zip")?.texts == ["007", "12"])
    }

    @Test func `numbers alone are rows without names only where that may be`() throws {
        var options = DataOptions()
        options.mayLackNames = true
        let bare = try table("1.5\n2.5\n", options)
        #expect(!bare.hasNames && bare.columns[0].reals == [1.5, 2.5])
        #expect(try table("1.5\n2.5\n").rowCount == 1)
        // As pandas writes a series without a name.
        #expect(try table(",0\n0,1.5\n1,2.5\n", options).names == ["", "0"])
        #expect(try table("0,1\n5,6\n", options).names == ["0", "1"])
    }

    @Test func `blank lines and a byte order mark are passed over`() throws {
        let read = try table("\u{FEFF}a,b\n\n1,2\n\n\n3,\"4\n\"\n")
        #expect(read.names == ["a", "b"] && read.rowCount == 2)
        #expect(read.column("b")?.reals == [2, 4])
        #expect(read.firstLine == nil, "rows are no longer line by line")
    }

    static let refused = [
        ("", "an empty file"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "line 1: column 'a' twice; expected each once"),
        ("a,b\n1,2\n3\n", "line 3: 1 fields; expected 2"),
        ("a,b\n1,\"2\n", "line 2: a quoted field does not end"),
        ("a,b\n1,\"2\"x\n", "line 2: text behind a closing quote"),
        ("a,b\n1,2\"x\n", "line 2: a quote inside a field"),
        ("PAR1\u{0}", "a Parquet file; expected CSV"),
    ]

    @Test(arguments: refused)
    func `what breaks the form is named by its line`(text: String, sentence: String) throws {
        let found = try #require(refusal(of: text))
        #expect(found.contains(sentence), "\(found)")
    }

    @Test func `bytes that are no UTF-8 are named by line and column`() throws {
        let found = try #require(refusal(of: Array("a\nx\n".utf8) + [0xFF, 0x0A]))
        #expect(found.contains("line 3, column 'a': bytes that are no UTF-8"), "\(found)")
    }

    @Test func `a column that counts the rows is an index`() throws {
        let read = try table(",a\n0,5\n1,6\n2,7\n")
        #expect(read.isIndex(read.columns[0]) && !read.isIndex(read.columns[1]))
    }
}
