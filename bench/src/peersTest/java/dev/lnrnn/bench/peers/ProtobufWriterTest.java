package dev.lnrnn.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Against the examples of the format's own description, and its corners. */
class ProtobufWriterTest {

    private static String hex(ProtobufWriter message) {
        return HexFormat.of().formatHex(message.toByteArray());
    }

    @Test
    void integers() {
        assertEquals("089601", hex(new ProtobufWriter().integer(1, 150)));
        assertEquals("0800", hex(new ProtobufWriter().integer(1, 0)));
        assertEquals("08ffffffffffffffffff01", hex(new ProtobufWriter().integer(1, -1)));
        assertEquals("a00107", hex(new ProtobufWriter().integer(20, 7)));
    }

    @Test
    void textsAndMessages() {
        assertEquals("120774657374696e67", hex(new ProtobufWriter().text(2, "testing")));
        assertEquals("1a03089601", hex(new ProtobufWriter().message(3, new ProtobufWriter().integer(1, 150))));
    }

    @Test
    void reals() {
        assertEquals("150000803f", hex(new ProtobufWriter().real(2, 1)));
    }
}
