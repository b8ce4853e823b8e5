package dev.lnrnn.bench.train;

import dev.lnrnn.CellType;
import dev.lnrnn.Normalization;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the network is made of. */
final class NetworkOptions {

    private static final double DROPCONNECT = 0.1;

    @Option(names = "--cell", defaultValue = "LSTM",
            description = "The recurrent cell: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private CellType cell = CellType.LSTM;

    @Option(names = "--normalization", defaultValue = "HASTE",
            description = "Where layer normalisation stands: ${COMPLETION-CANDIDATES}. Each cell has some of "
                    + "them. Default: ${DEFAULT-VALUE}.")
    private Normalization normalization = Normalization.HASTE;

    @Option(names = "--layers", paramLabel = "N", defaultValue = "1",
            description = "Number of layers on top of each other. Default: ${DEFAULT-VALUE}.")
    private int layers;

    @Option(names = "--bidirectional",
            description = "Read in both directions. The network then sees one window of points at a time, which ends "
                    + "where the forecast begins: in a longer sequence the reverse direction would see the future.")
    private boolean bidirectional;

    @Option(names = "--hidden", paramLabel = "N", defaultValue = "64",
            description = "Hidden size. Default: ${DEFAULT-VALUE}.")
    private int hidden;

    @Option(names = "--zoneout", paramLabel = "P", defaultValue = "0.05",
            description = "Probability that a unit keeps its state, in training. Default: ${DEFAULT-VALUE}.")
    private double zoneout;

    @Option(names = "--dropconnect", paramLabel = "P",
            description = "Probability that a recurrent weight is dropped, in training. Default: " + DROPCONNECT
                    + ", and 0 for INDRNN, which has no recurrent matrix.")
    private @Nullable Double dropconnect;

    @Option(names = "--dropout", paramLabel = "P", defaultValue = "0",
            description = "Probability that a value between two layers is dropped, in training. "
                    + "Default: ${DEFAULT-VALUE}.")
    private double dropout;

    Network network() {
        RunOptions.requireAtLeastOne("--hidden", hidden);
        RunOptions.requireAtLeastOne("--layers", layers);
        double dropped = dropconnect != null ? dropconnect : dropconnectOf(cell);
        Network network = new Network(cell, normalization, layers, bidirectional, hidden, zoneout, dropped, dropout);
        network.checkLegal();
        return network;
    }

    /** What a cell is trained with where nothing is said. */
    static double dropconnectOf(CellType cell) {
        return cell == CellType.INDRNN ? 0 : DROPCONNECT;
    }
}
