package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.lnrnn.internal.Native;
import dev.lnrnn.raw.lnrnn_h;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StatusTest {
    private static final String PREFIX = "LNRNN_STATUS_";

    @Test
    void everyStatusOfTheHeaderIsHereWithItsNumber() throws ReflectiveOperationException {
        Set<String> constants = Arrays.stream(lnrnn_h.class.getMethods()).map(method -> method.getName())
                .filter(name -> name.startsWith(PREFIX)).collect(Collectors.toSet());
        assertEquals(constants.size(), Status.values().length);
        for (Status status : Status.values()) {
            int code = (int) lnrnn_h.class.getMethod(PREFIX + status).invoke(null);
            assertEquals(code, status.code(), status.name());
            assertSame(status, Native.status(code));
        }
        assertSame(Status.INTERNAL_ERROR, Native.status(-1));
    }
}
