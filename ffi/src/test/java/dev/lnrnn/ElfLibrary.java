package dev.lnrnn;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a 64-bit little-endian ELF library asks of the machine that loads it, and offers to it.
 *
 * @param needed   the libraries it depends on
 * @param versions the symbol versions it needs of them, such as {@code GLIBC_2.34}
 * @param exported the symbols it defines for others
 */
record ElfLibrary(SortedSet<String> needed, SortedSet<String> versions, SortedSet<String> exported) {

    private static final int SECTION_DYNAMIC = 6;
    private static final int SECTION_DYNAMIC_SYMBOLS = 11;
    private static final int SECTION_NEEDED_VERSIONS = 0x6ffffffe;
    private static final int TAG_NEEDED = 1;

    static ElfLibrary read(Path file) throws IOException {
        ByteBuffer elf = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        if (elf.getInt(0) != 0x464c457f || elf.get(4) != 2 || elf.get(5) != 1) {
            throw new IOException(file + " is not a 64-bit little-endian ELF file");
        }
        ElfLibrary library = new ElfLibrary(new TreeSet<>(), new TreeSet<>(), new TreeSet<>());
        int sections = elf.getShort(60);
        for (int i = 0; i < sections; i++) {
            Section section = Section.of(elf, i);
            switch (section.type) {
                case SECTION_DYNAMIC -> library.readDynamic(section);
                case SECTION_DYNAMIC_SYMBOLS -> library.readSymbols(section);
                case SECTION_NEEDED_VERSIONS -> library.readVersions(section);
                default -> {}
            }
        }
        return library;
    }

    private void readDynamic(Section section) {
        for (int entry = section.offset; entry < section.end(); entry += 16) {
            if (section.elf.getLong(entry) == TAG_NEEDED) {
                needed.add(section.string((int) section.elf.getLong(entry + 8)));
            }
        }
    }

    private void readSymbols(Section section) {
        for (int symbol = section.offset; symbol < section.end(); symbol += 24) {
            boolean local = section.elf.get(symbol + 4) >>> 4 == 0;
            boolean defined = section.elf.getShort(symbol + 6) != 0;
            if (defined && !local) {
                exported.add(section.string(section.elf.getInt(symbol)));
            }
        }
    }

    /** A chain of libraries, each with a chain of versions; the links are distances, 0 at the end. */
    private void readVersions(Section section) {
        int library = section.offset;
        for (int step = -1; step != 0; library += step) {
            int version = library + section.elf.getInt(library + 8);
            for (int next = -1; next != 0; version += next) {
                versions.add(section.string(section.elf.getInt(version + 8)));
                next = section.elf.getInt(version + 12);
            }
            step = section.elf.getInt(library + 12);
        }
    }

    /** A section and the strings that it refers to. */
    private record Section(ByteBuffer elf, int type, int offset, int size, int strings) {

        static Section of(ByteBuffer elf, int index) {
            int header = header(elf, index);
            int strings = (int) elf.getLong(header(elf, elf.getInt(header + 40)) + 24);
            return new Section(elf, elf.getInt(header + 4), (int) elf.getLong(header + 24),
                    (int) elf.getLong(header + 32), strings);
        }

        private static int header(ByteBuffer elf, int index) {
            return (int) elf.getLong(40) + index * elf.getShort(58);
        }

        int end() {
            return offset + size;
        }

        String string(int at) {
            int end = strings + at;
            while (elf.get(end) != 0) {
                end++;
            }
            return new String(elf.array(), strings + at, end - strings - at, StandardCharsets.UTF_8);
        }
    }
}
