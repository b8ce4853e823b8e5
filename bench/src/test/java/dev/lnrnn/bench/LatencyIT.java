package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What of the latencies can only be measured with a jar. */
class LatencyIT {

    @Test
    void startsUseTheCacheWhereJavaHasOne() throws Exception {
        Jar.Result result = Jar.run(Jar.command(Jar.JAVA_HOME, List.of(), "latency", "--quick", "--parts", "start"));
        assertEquals(ExitCode.OK, result.exitCode(), result.output());
        boolean cache = Runtime.version().feature() >= 25;
        assertTrue(result.output().contains(cache ? "in all, AOT cache" : "Left out, start with an AOT cache"),
                result.output());
    }
}
