//! Parquet files: typed columns, written in groups of rows so that memory stays bounded.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::store::{Cell, Kind, MirrorTable, TableColumn};

/// A group is written when it has so many rows,
const ROWS: usize = 100_000;

/// or so many bytes of text.
const BYTES: usize = 16 << 20;

/// A file that is being written.
pub(super) struct Parquet {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// A column of the group at hand: a level a row, 1 where there is a value, and the values.
struct Column {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Numbers(Vec<i64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl Parquet {
    pub(super) fn new(file: File, table: &MirrorTable) -> io::Result<Self> {
        let fields = table.columns.iter().map(field);
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(other)?;
        let schema = Type::group_type_builder(&table.name).with_fields(fields);
        let schema = Arc::new(schema.build().map_err(other)?);
        let properties = WriterProperties::builder()
            .set_created_by(concat!("chatmirror ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties));
        Ok(Self {
            writer: writer.map_err(other)?,
            columns: table.columns.iter().map(Column::of).collect(),
            rows: 0,
            bytes: 0,
        })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.push(cell);
        }
        self.rows += 1;
        if self.rows < ROWS && self.bytes < BYTES {
            return Ok(());
        }
        self.group().map_err(other)
    }

    pub(super) fn end(mut self) -> io::Result<File> {
        self.group().map_err(other)?;
        self.writer.into_inner().map_err(other)
    }

    /// Writes the rows at hand as one group.
    fn group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            if let Some(writer) = group.next_column()? {
                column.write(writer)?;
            }
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Column {
    fn of(column: &TableColumn) -> Self {
        let values = match column.kind {
            Kind::Integer | Kind::Moment => Values::Numbers(Vec::new()),
            Kind::Boolean => Values::Flags(Vec::new()),
            Kind::Json | Kind::Text => Values::Texts(Vec::new()),
        };
        let levels = Vec::new();
        Self { levels, values }
    }

    /// Takes in a value, and tells how many bytes of text it has.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        let mut bytes = 0;
        let there = match (&mut self.values, cell) {
            (Values::Numbers(numbers), Cell::Integer(number)) => {
                numbers.push(*number);
                true
            }
            (Values::Numbers(numbers), Cell::Moment(moment)) => {
                numbers.push(moment.millis());
                true
            }
            (Values::Flags(flags), Cell::Boolean(flag)) => {
                flags.push(*flag);
                true
            }
            (Values::Texts(texts), Cell::Json(text) | Cell::Text(text)) => {
                bytes = text.len();
                texts.push(ByteArray::from(*text));
                true
            }
            // A column's cells are of its kind, or nothing.
            _ => false,
        };
        self.levels.push(i16::from(there));
        bytes
    }

    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match &mut self.values {
            Values::Numbers(numbers) => {
                let column = writer.typed::<Int64Type>();
                column.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            Values::Flags(flags) => {
                let column = writer.typed::<BoolType>();
                column.write_batch(flags, levels, None)?;
                flags.clear();
            }
            Values::Texts(texts) => {
                let column = writer.typed::<ByteArrayType>();
                column.write_batch(texts, levels, None)?;
                texts.clear();
            }
        }
        self.levels.clear();
        writer.close()
    }
}

fn field(column: &TableColumn) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Integer => (Physical::INT64, None),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Moment => {
            let moment = LogicalType::timestamp(true, TimeUnit::MILLIS);
            (Physical::INT64, Some(moment))
        }
        // Not as JSON: some readers take that for bytes.
        Kind::Json | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    Ok(Arc::new(field.build()?))
}

/// What the disk said is told as it is.
fn other(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
