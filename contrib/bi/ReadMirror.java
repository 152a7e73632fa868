import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.sql.Timestamp;

/** Reads every row of the tables and views that are named, times as times and flags as flags, and prints how many there are. */
public class ReadMirror {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0]);
                Statement statement = connection.createStatement()) {
            for (int at = 1; at < arguments.length; at++) {
                String name = arguments[at];
                try (ResultSet rows = statement.executeQuery("select * from " + name)) {
                    System.out.println(name + " " + read(name, rows));
                }
            }
        }
    }

    private static long read(String name, ResultSet rows) throws Exception {
        ResultSetMetaData columns = rows.getMetaData();
        long count = 0;
        while (rows.next()) {
            count++;
            for (int column = 1; column <= columns.getColumnCount(); column++) {
                String text = rows.getString(column);
                if (text == null) {
                    continue;
                }
                switch (columns.getColumnTypeName(column).toUpperCase()) {
                    case "DATETIME":
                        Timestamp moment = rows.getTimestamp(column);
                        require(moment.equals(Timestamp.valueOf(text)), name, columns.getColumnName(column), text);
                        break;
                    case "BOOLEAN":
                        require(rows.getBoolean(column) == text.equals("1"), name, columns.getColumnName(column), text);
                        break;
                    case "INTEGER":
                        require(Long.toString(rows.getLong(column)).equals(text), name, columns.getColumnName(column), text);
                        break;
                    default:
                        break;
                }
            }
        }
        return count;
    }

    private static void require(boolean holds, String name, String column, String text) {
        if (!holds) {
            throw new IllegalStateException(name + "." + column + " reads as something else: " + text);
        }
    }
}
