package dev.lnrnn.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.bench.compare.Agreement;
import dev.lnrnn.bench.compare.Entrant;
import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Peer;
import dev.lnrnn.bench.compare.Size;
import java.io.IOException;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the generators write is read by the libraries, and computes what lnrnn computes. */
class PeersTest {

    private static final List<Size> SIZES = List.of(new Size(1, 1, 1, 2), new Size(1, 3, 4, 8), new Size(7, 1, 3, 16),
            new Size(5, 4, 9, 33), new Size(40, 2, 16, 64));

    private static List<Peer> peers;

    @BeforeAll
    static void start() throws IOException {
        peers = ServiceLoader.load(Peer.class).stream().map(ServiceLoader.Provider::get).toList();
        for (Peer peer : peers) {
            peer.start(1);
        }
    }

    static Stream<Arguments> everybody() {
        return peers.stream().flatMap(peer -> peer.entrants().stream()).flatMap(entrant -> entrant.modes().stream()
                .flatMap(mode -> SIZES.stream().map(size -> Arguments.of(entrant.system(), mode, size, entrant))));
    }

    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("everybody")
    void agrees(String system, Mode mode, Size size, Entrant entrant) {
        double error = Agreement.error(entrant, size, mode);
        assertTrue(error <= 2e-5, system + ": " + error);
    }

    /** Otherwise agreement would not be worth much: every output and every gradient is looked at. */
    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("networks")
    void isFoundWrongWhereOneTensorIs(String system, Mode mode, Entrant entrant) {
        for (double error : Agreement.errorsWhereOneIsWrong(entrant, new Size(5, 4, 9, 33), mode)) {
            assertTrue(error > 0.4, system + ": " + error);
        }
    }

    static Stream<Arguments> networks() {
        return peers.stream().flatMap(peer -> peer.entrants().stream())
                .filter(entrant -> entrant.kind() != Entrant.Kind.PRODUCTS)
                .flatMap(entrant -> entrant.modes().stream()
                        .map(mode -> Arguments.of(entrant.system(), mode, entrant)));
    }

    @Test
    void allThatTheTableNamesAreThere() {
        assertEquals(List.of("libtorch LSTM", "libtorch scripted loop", "ONNX Runtime LSTM", "ONNX Runtime Scan",
                "products (ONNX Runtime)"),
                peers.stream().flatMap(peer -> peer.entrants().stream()).map(Entrant::system).toList());
    }
}
